"""Trials in tables: beside each other, and place by place."""

from dataclasses import replace

import numpy as np
import pytest

from lab.analysis.comparison import CAVEAT, FIGURES
from lab.errors import UsageFault
from lab.reports import breakdown
from lab.reports.comparison import lines, table
from tests.unit import trials
from tests.unit.analysis import builders, places

WORKER_CPU = "process-worker CPU per 1,000 events"

# --------------------------------------------------------------------------------------------------- lines of two runs


def test_two_runs_are_told_line_by_line() -> None:
    """Ids, verdict, validity, every figure with its unit and ratio, the caveat."""
    slow = replace(trials.trial(evidence=builders.evidence(builders.samples(np.full(2_000, 90.0)))), run_id="slow")
    head, verdict, validity, *rest, caveat = lines(trials.trial(), slow)
    assert head == "2026-11-23-065312-k3f9-quickstart → slow"
    assert verdict.split(maxsplit=1) == ["verdict", "MET → NOT MET"]
    assert validity.split(maxsplit=1)[1].startswith("both VALID: schedule kept")
    assert caveat == CAVEAT
    words = {line[: len(WORKER_CPU)].strip(): line[len(WORKER_CPU) :].split() for line in rest}
    assert list(words) == [figure.name for figure in FIGURES]
    assert words["p99 acknowledgement"] == ["3", "→", "90", "ms", "×", "30.00"]
    assert words[WORKER_CPU] == ["–", "→", "–", "ms"]
    assert words["events counted"] == ["2,000", "→", "2,000", "events", "×", "1.00"]
    assert words["events lost"] == ["0", "→", "0", "events"]


# --------------------------------------------------------------------------------------------- a table of architectures


def test_every_figure_stands_beside_the_other_architecture_s() -> None:
    """With its interval, and with its ratio to the first one."""
    shown = table([trials.trial_on("amd64"), trials.trial_on("arm64", latency_ms=9.0)])
    rows = {row[0]: row[1:] for row in shown.rows}
    assert shown.header == ("", "amd64", "arm64")
    assert rows["verdict"] == ("MET", "MET")
    first, second = rows["p50 acknowledgement, ms"]
    assert first.startswith("3.50 [")
    assert "× 2.7" in second
    assert "× 1.33 [" in rows[f"{WORKER_CPU}, ms"][1]


def test_a_sentence_says_whether_each_trial_meets_its_objectives() -> None:
    """Whether workers keep up is another question; the caveat of two single runs is always there."""
    text = repr(table([trials.trial_on("amd64"), trials.trial_on("arm64", latency_ms=90.0)]))
    assert "\namd64 meets its objectives.\n" in text
    assert "\narm64 misses an objective.\n" in text
    assert "keep" not in text.replace("schedule kept", "")
    assert "two single runs" in text


def test_of_an_emulated_architecture_nobody_can_say() -> None:
    """Its run is INVALID, and the sentence names how it is emulated."""
    emulated = trials.trial_on("arm64", cpu_of_board="x86_64")
    assert emulated.validity.status == "INVALID"
    assert "emulated" in {reason.code for reason in emulated.validity.reasons}
    shown = table([trials.trial_on("amd64"), emulated])
    assert not [row for row in shown.rows if "×" in row[2]]
    text = repr(shown)
    assert (
        "Nobody can say whether arm64 meets its objectives: it was emulated (aarch64 on a CPU that is x86_64)." in text
    )


def test_events_that_were_not_acknowledged_are_told() -> None:
    """A generator that waits for a slow service falls behind, and the run cannot say more than that."""
    trial = trials.trial_on("arm64")
    load_run = replace(trial.evidence.load_run, account=replace(trial.evidence.load_run.account, acknowledged=1_200))
    text = repr(table([replace(trial, evidence=replace(trial.evidence, load_run=load_run))]))
    assert "arm64 acknowledged 1,200 of 2,000 events: ask at a lower rate, too." in text


def test_trials_on_one_architecture_are_told_apart_by_name_else_by_run() -> None:
    """A factor other than the architecture names each trial after its level."""
    small, large = trials.trial_on("amd64"), trials.trial_on("amd64")
    named = [replace(t, experiment=replace(t.experiment, name=f"size-{n}")) for n, t in ((5, small), (20, large))]
    assert table(named).header == ("", "size-5", "size-20")
    repeated = [replace(small, run_id="first"), replace(small, run_id="second")]
    assert table(repeated).header == ("", "first", "second")


def test_a_single_trial_has_nothing_beside_it() -> None:
    """It is shown all the same, whatever was to be varied."""
    text = repr(table([trials.trial_on("amd64")]))
    assert "This is the only trial here: there is nothing to compare it with." in text
    assert "verdict MET" in text


def test_no_trial_is_a_fault_of_use() -> None:
    """With the way out."""
    with pytest.raises(UsageFault, match="side by side"):
        table([])


# ------------------------------------------------------------------------------------------------- a table of places


def test_the_table_of_places_has_a_row_for_each_and_shares() -> None:
    """In a terminal as in a notebook."""
    shown = breakdown.table(trials.trial(evidence=places.evidence()))
    assert [row[:5] for row in shown.rows] == [
        ("amd64", "big", "1,500", "1,500", "75 %"),
        ("arm64", "board", "500", "500", "25 %"),
    ]
    assert "1,000 [1,000, 1,000]" in repr(shown)
    assert "<td" in shown.html
