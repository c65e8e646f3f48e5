"""Each rule of validity: in order, broken, missing."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from lab.analysis.judge import judge
from lab.model import (
    NANOS,
    Balance,
    Death,
    Evidence,
    FaultRecord,
    NodeClock,
    Objective,
    Reason,
    Samples,
    ServiceStatus,
    StoreFacts,
    Validity,
)
from tests.unit.analysis.builders import START_NS, WORKER, counter, evidence, experiment, samples, up

LATENCY = Objective("latency", 50.0)
Change = Callable[[Evidence], Evidence]


def validity(changed: Evidence, *objectives: Objective) -> Validity:
    """The validity of that evidence."""
    return judge(experiment(*objectives), changed).validity


def at(seconds: float) -> int:
    """A moment of the run."""
    return START_NS + round(seconds * NANOS)


def with_store(**changes: object) -> Change:
    """The store says something else."""
    return lambda good: replace(good, store=replace(good.store, **changes))  # type: ignore[arg-type]


def with_account(**changes: int) -> Change:
    """The generator says something else."""
    return lambda good: replace(
        good, load_run=replace(good.load_run, account=replace(good.load_run.account, **changes))
    )


def with_samples(measured: Samples) -> Change:
    """The generator measured something else."""
    return lambda good: replace(good, load_run=replace(good.load_run, samples=measured))


def with_clocks(*clocks: NodeClock) -> Change:
    """The services run on nodes with these clocks."""
    return lambda good: replace(good, clocks=clocks)


def scraped(*seconds: float) -> Change:
    """`up` has samples at these seconds only."""
    return lambda good: replace(good, series=(good.series[0], up(list(seconds))))


def test_a_good_run_is_valid_and_says_why() -> None:
    """The sentence of the card."""
    found = validity(evidence(), LATENCY)
    assert (found.status, found.reasons) == ("VALID", ())
    assert ", ".join(found.checked) == "schedule kept (100.0 %), no scrape gap, store durable, ledger closed"


@pytest.mark.parametrize(
    ("change", "code", "figure"),
    [
        (with_account(sent=1_970), "generator-behind", "98.5 %"),
        (with_samples(samples(np.full(2_000, 9.0), delay_ms=6.0)), "generator-behind", "6.0 ms"),
        (scraped(*np.arange(-2.0, 8), *np.arange(12.0, 24)), "scrape-gap", "5.0 s"),
        (scraped(*np.arange(-2.0, 16)), "scrape-gap", "lab/process-worker"),
        (with_store(durability="window"), "store-not-durable", "window"),
        (with_store(durability=""), "store-not-durable", "unknown"),
        (lambda good: replace(good, store_facts=StoreFacts("redis", "7", "volatile")), "store-not-durable", "volatile"),
        (with_store(balance=Balance(accepted=2_001, counted=2_000)), "ledger-open", "= 1, not 0"),
        (with_store(audited_backlog=4), "ledger-open", "4 events"),
        (with_store(balance=Balance(accepted=2_003, counted=2_000, backlog=3)), "unsettled", "3 accepted"),
        (with_store(known=False), "store-lost", "2,000"),
        (with_store(degraded="disk_full"), "cache-degraded", "disk_full"),
        (with_account(acknowledged=1_990), "journal-gap", "10 events"),
        (
            lambda good: replace(good, totals=(replace(good.totals[0], sum_micro=1),)),
            "sums-differ",
            "1 micro-units",
        ),
        (with_store(instances={WORKER: 1_990}), "telemetry-disagrees", "events that nothing explains"),
        (with_store(last_commit_ns=at(-0.5)), "clock", "500.0 ms"),
        (with_samples(samples(np.full(2_000, 3.0), delay_ms=4.0)), "clock", "stepped"),
        (
            lambda good: replace(good, deaths=(Death("prometheus", "", at(5), 9, 0),)),
            "harness-died",
            "prometheus died",
        ),
        (with_clocks(NodeClock("r3", -3.0, 0.02, 8)), "clock-offset", "r3 is 3.00 s behind the lab's (± 0.02 s)"),
        (with_clocks(NodeClock("r3", 0.4, 0.1, 8)), "clock-offset", "0.40 s ahead of"),
    ],
)
def test_what_breaks_a_run(change: Change, code: str, figure: str) -> None:
    """One change, one reason with its figures, no verdict."""
    judged = judge(experiment(LATENCY), change(evidence()))
    assert judged.validity.status == "INVALID"
    assert [reason for reason in judged.validity.reasons if reason.code == code and figure in reason.message]
    assert judged.verdict.status is None


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (with_samples(samples([])), "no-samples"),
        (lambda good: replace(good, series=()), "no-series"),
        (lambda good: replace(good, load_run=replace(good.load_run, stopped=True)), "stopped"),
    ],
)
def test_what_is_missing_makes_a_run_inconclusive(change: Change, code: str) -> None:
    """Nothing is known to be wrong; nothing can be said."""
    judged = judge(experiment(LATENCY), change(evidence()))
    assert judged.validity.status == "INCONCLUSIVE"
    assert code in {reason.code for reason in judged.validity.reasons}
    assert judged.verdict.status is None


def test_what_breaks_outweighs_what_is_missing() -> None:
    """Both are told, the worse one first."""
    found = validity(replace(with_store(durability="volatile")(evidence()), series=()))
    assert found.status == "INVALID"
    assert found.reasons[0].code == "store-not-durable"
    assert found.reasons[-1].code == "no-series"


def test_what_could_not_be_collected_is_passed_on() -> None:
    """The metrics layer knows best why a series is missing."""
    reason = Reason("NO_SERIES", "worker_events_processed_total: no series; similar: …")
    found = judge(experiment(), evidence(), missing=(reason,)).validity
    assert (found.status, found.reasons) == ("INCONCLUSIVE", (reason,))


def test_a_late_schedule_only_matters_beside_a_latency_objective() -> None:
    """6 ms late disturb a 50 ms objective, and no other."""
    late = with_samples(samples(np.full(2_000, 9.0), delay_ms=6.0))(evidence())
    assert validity(late).status == "VALID"
    assert validity(late, Objective("latency", 500.0)).status == "VALID"


def test_a_gap_of_three_intervals_is_none() -> None:
    """More than three are needed."""
    assert validity(scraped(*np.arange(-2.0, 8), *np.arange(10.0, 24))(evidence())).status == "VALID"


@pytest.mark.parametrize(
    "excuse",
    [
        {"faults": (FaultRecord("kill", "process-worker", at(8), at(8)),)},
        {"deaths": (Death("process-worker", "w", at(9), 9, 0),)},
    ],
)
def test_a_service_that_is_down_cannot_be_scraped(excuse: dict[str, object]) -> None:
    """Its own death excuses the gap, and the sentence says so."""
    gap = scraped(*np.arange(-2.0, 8), *np.arange(13.0, 24))(evidence())
    found = validity(replace(gap, **excuse))  # type: ignore[arg-type]
    assert found.status == "VALID"
    assert "no scrape gap but where a service was down" in found.checked


def test_the_death_of_another_service_excuses_nothing() -> None:
    """Only its own."""
    gap = scraped(*np.arange(-2.0, 8), *np.arange(13.0, 24))(evidence())
    assert validity(replace(gap, deaths=(Death("query-api", "q", at(9), 9, 0),))).status == "INVALID"


def test_pushed_metrics_have_gaps_too() -> None:
    """Without `up`, the arrival of samples is what is looked at."""
    pushed = counter([(second, min(second * 100, 2_000)) for second in [*range(9), *range(14, 24)]])
    assert validity(replace(evidence(), series=(pushed,))).reasons[0].code == "scrape-gap"


def test_processes_that_push_at_nearly_the_same_time_leave_no_gap() -> None:
    """Each of them every second, a tenth apart: the interval is a process's own, not what lies between two of them."""
    pushed = tuple(
        counter([(second + late, 1_000) for second in range(-2, 24)], instance=f"late by {late}")
        for late in (0.0, 0.1, 0.2)
    )
    found = {reason.code for reason in validity(replace(evidence(), series=pushed)).reasons}
    assert "scrape-gap" not in found


def test_clocks_that_may_agree_leave_a_run_valid() -> None:
    """Within error and tolerance; the sentence says within what."""
    found = validity(with_clocks(NodeClock("a", 0.001, 0.004, 8), NodeClock("b", -0.2, 0.1, 8))(evidence()))
    assert found.status == "VALID"
    assert "node clocks within 300 ms of the lab's" in found.checked


def test_emulation_only_matters_where_an_architecture_is_asked_about() -> None:
    """A baseline says nothing about arm64; a trial on arm64 alone does."""
    status = ServiceStatus("ingest-api", "", healthy=True, host_architecture="aarch64", cpu_architecture="x86_64")
    emulated = replace(evidence(), statuses=(status,))
    assert validity(emulated).status == "VALID"
    asked = replace(experiment(LATENCY), architecture="arm64")
    assert [reason.code for reason in judge(asked, emulated).validity.reasons] == ["emulated"]


def test_an_explained_difference_leaves_a_run_valid() -> None:
    """A counter that a killed process took along has a name."""
    good = evidence()
    short = replace(good, store=replace(good.store, balance=Balance(2_040, 2_040), instances={WORKER: 2_000, "k": 40}))
    killed = replace(short, deaths=(Death("process-worker", "k", at(9), 9, 0),))
    assert validity(killed).status == "VALID"
