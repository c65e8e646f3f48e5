"""One load on each architecture: figures with intervals and ratios, and what may be concluded."""

from dataclasses import replace

import numpy as np
import pytest

from lab.analysis.estimate import Estimate, ratio
from lab.analysis.judge import judge
from lab.errors import UsageFault
from lab.model import Samples, Trial
from lab.reports.side_by_side import table
from tests.unit import trials
from tests.unit.analysis import builders, places


def trial_on(architecture: str, *, latency_ms: float = 3.0, cpu_of_board: str = "aarch64") -> Trial:
    """A trial whose services run on one architecture alone."""
    node = {"amd64": "big", "arm64": "board"}[architecture]
    good = builders.evidence(_around(latency_ms))
    here = tuple(one for one in places.statuses(cpu_of_board=cpu_of_board) if one.node == node)
    cost = [one for one in places.evidence().series if one.labels["k8s_node_name"] == node and "cpu" in one.name]
    worker = places.instance("process-worker", node)
    counter = replace(good.series[0], labels={"job": "lab/process-worker", "instance": worker})
    store = replace(good.store, instances={worker: 2_000})
    evidence = replace(good, statuses=here, store=store, series=(counter, *good.series[1:], *cost))
    made = trials.trial(evidence=evidence)
    asked = replace(made.experiment, architecture=architecture)
    validity, verdict, ledger, comparison = judge(asked, evidence)
    return replace(made, experiment=asked, validity=validity, verdict=verdict, ledger=ledger, comparison=comparison)


def _around(latency_ms: float) -> Samples:
    return builders.samples(latency_ms + np.random.default_rng(1).random(2_000))


def test_every_figure_stands_beside_the_other_architecture_s() -> None:
    """With its interval, and with its ratio to the first one."""
    shown = table([trial_on("amd64"), trial_on("arm64", latency_ms=9.0)])
    rows = {row[0]: row[1:] for row in shown.rows}
    assert shown.header == ("", "amd64", "arm64")
    assert rows["verdict"] == ("MET", "MET")
    first, second = rows["p50 acknowledgement, ms"]
    assert first.startswith("3.50 [")
    assert "× 2.7" in second
    assert "× 1.33 [" in rows["process-worker CPU per 1,000 events, ms"][1]


def test_who_meets_the_objectives_keeps_up() -> None:
    """And who does not, does not; the caveat of two single runs is always there."""
    said = repr(table([trial_on("amd64"), trial_on("arm64", latency_ms=90.0)]))
    assert "amd64 keeps up" in said
    assert "arm64 does not keep up" in said
    assert "two single runs" in said


def test_of_an_emulated_architecture_nobody_can_say() -> None:
    """Its run is INVALID, and the sentence names how it is emulated."""
    emulated = trial_on("arm64", cpu_of_board="x86_64")
    assert emulated.validity.status == "INVALID"
    assert "emulated" in {reason.code for reason in emulated.validity.reasons}
    shown = table([trial_on("amd64"), emulated])
    assert not [row for row in shown.rows if "×" in row[2]]
    said = repr(shown)
    assert "Nobody can say whether arm64 keeps up: it was emulated (aarch64 on a CPU that is x86_64)." in said


def test_events_that_were_not_acknowledged_are_told() -> None:
    """A generator that waits for a slow service falls behind, and the run cannot say more than that."""
    trial = trial_on("arm64")
    load_run = replace(trial.evidence.load_run, account=replace(trial.evidence.load_run.account, acknowledged=1_200))
    said = repr(table([replace(trial, evidence=replace(trial.evidence, load_run=load_run))]))
    assert "arm64 acknowledged 1,200 of 2,000 events: ask at a lower rate, too." in said


def test_one_architecture_has_nothing_beside_it() -> None:
    """It is shown all the same."""
    said = repr(table([trial_on("amd64")]))
    assert "nothing to compare it with" in said
    assert "verdict MET" in said


def test_no_trial_is_a_fault_of_use() -> None:
    """With the way out."""
    with pytest.raises(UsageFault, match="side by side"):
        table([])


def test_a_ratio_is_as_uncertain_as_both_together() -> None:
    """Its interval is wider than either's, and there is none without both."""
    narrow, wide = Estimate(10.0, 9.0, 11.0), Estimate(20.0, 15.0, 25.0)
    found = ratio(wide, narrow)
    assert found.low is not None
    assert found.high is not None
    assert found.value == 2.0
    assert found.low < 15 / 10
    assert found.high > 25 / 10
    assert ratio(wide, Estimate(10.0)).low is None
    assert ratio(Estimate(None), narrow).value is None
    assert ratio(wide, Estimate(0.0)).value is None
