"""Each rule of validity: pass, fail, inconclusive."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from lab.analysis.judge import judge
from lab.model import (
    NANOS,
    Balance,
    Death,
    DurabilityLook,
    Evidence,
    FaultRecord,
    NodeClock,
    Objective,
    Samples,
    ServiceStatus,
    StoreFacts,
    Validity,
)
from lab.questions import keeps_up
from tests.unit.analysis.builders import START_NS, WORKER, counter, evidence, experiment, samples, series, up

LATENCY = Objective("latency", 50.0)
Change = Callable[[Evidence], Evidence]


def validity(changed: Evidence, *objectives: Objective) -> Validity:
    """Return the validity of that evidence."""
    return judge(experiment(*objectives), changed).validity


def at(seconds: float) -> int:
    """Return a moment of the run."""
    return START_NS + round(seconds * NANOS)


def with_store(**changes: object) -> Change:
    """Let the store answer something else."""
    return lambda good: replace(good, store=replace(good.store, **changes))  # type: ignore[arg-type]


def with_account(**changes: int) -> Change:
    """Let the generator report something else."""
    return lambda good: replace(
        good, load_run=replace(good.load_run, account=replace(good.load_run.account, **changes))
    )


def with_samples(measured: Samples) -> Change:
    """Let the generator measure something else."""
    return lambda good: replace(good, load_run=replace(good.load_run, samples=measured))


def with_clocks(*clocks: NodeClock) -> Change:
    """Let the services run on nodes with these clocks."""
    return lambda good: replace(good, clocks=clocks)


def with_looks(*classes: str) -> Change:
    """Let the store have these durability classes, two seconds apart."""
    looks = tuple(DurabilityLook(at(2.0 * number), durability) for number, durability in enumerate(classes))
    return lambda good: replace(good, durability=looks)


def scraped(*seconds: float) -> Change:
    """Leave samples of `up` at these seconds only."""
    return lambda good: replace(good, series=(good.series[0], up(list(seconds))))


def test_a_good_run_is_valid_and_says_why() -> None:
    """The sentence of the card."""
    good = validity(evidence(), LATENCY)
    assert (good.status, good.reasons) == ("VALID", ())
    assert ", ".join(good.checked) == "schedule kept (100.0 %), no scrape gap, store durable, ledger closed"


@pytest.mark.parametrize(
    ("change", "code", "figure"),
    [
        (with_account(sent=1_970), "generator-behind", "1,970 of 2,000"),
        (with_samples(samples(np.full(2_000, 300.0), delay_ms=101.0)), "generator-behind", "2,000 of 2,000"),
        (with_samples(samples(np.full(2_000, 52.0), delay_ms=6.0)), "generator-behind", "without it, it is 46.0 ms"),
        (scraped(*np.arange(-2.0, 8), *np.arange(12.0, 24)), "scrape-gap", "5.0 s"),
        (scraped(*np.arange(-2.0, 16)), "scrape-gap", "lab/process-worker"),
        (with_store(durability="window"), "store-not-durable", "window"),
        (with_store(durability=""), "store-not-durable", "unknown"),
        (lambda good: replace(good, store_facts=StoreFacts("redis", "7", "volatile")), "store-not-durable", "volatile"),
        (with_looks("durable", "window", "window", "durable"), "store-not-durable", "2 of 4 looks, first 2 s into"),
        (with_looks("durable", "durable", ""), "store-not-durable", "1 of 3 looks"),
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
        (with_store(last_commit_ns=at(-0.1)), "clock", "20.1 s behind the generator's"),
        (with_store(last_commit_ns=at(19.6)), "clock", "0.4 s behind the generator's"),
        (lambda good: replace(good, read_ns=at(15.0)), "clock", "5.1 s ahead of the lab's"),
        (lambda good: replace(good, load_run=replace(good.load_run, clock_step_ns=-2 * NANOS)), "clock", "-2.00 s"),
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
def test_what_makes_a_run_invalid(change: Change, code: str, figure: str) -> None:
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
    """Nothing is known to be wrong, and nothing can be concluded."""
    judged = judge(experiment(LATENCY), change(evidence()))
    assert judged.validity.status == "INCONCLUSIVE"
    assert code in {reason.code for reason in judged.validity.reasons}
    assert judged.verdict.status is None


def test_a_failed_rule_outweighs_an_inconclusive_one() -> None:
    """Both are told, the failed one first."""
    both = validity(replace(with_store(durability="volatile")(evidence()), series=()))
    assert both.status == "INVALID"
    assert both.reasons[0].code == "store-not-durable"
    assert both.reasons[-1].code == "no-series"


def test_a_late_schedule_only_matters_where_it_spoilt_an_objective() -> None:
    """A delay is part of every latency: what is met with it stays met, and what is missed without it stays missed."""
    late = with_samples(samples(np.full(2_000, 52.0), delay_ms=6.0))(evidence())
    for threshold, verdict in ((None, "MET"), (53.0, "MET"), (46.0, "NOT_MET")):
        objectives = [] if threshold is None else [Objective("latency", threshold)]
        judged = judge(experiment(*objectives), late)
        assert (judged.validity.status, judged.verdict.status) == ("VALID", verdict)


def test_full_slots_leave_a_run_valid_and_say_so() -> None:
    """Nobody answered for a second: the system's latency, not the generator's fault."""
    intended_s = np.arange(2_000) / 100
    delay_ms = np.where((intended_s >= 4) & (intended_s < 5), 1e3 * (5 - intended_s), 0.0)
    measured = samples(delay_ms + 3.0)
    blocked = np.where(intended_s == 4, measured.completed_ns - measured.intended_ns - 3_000_000, 0)
    full = replace(measured, sent_ns=measured.completed_ns - 3_000_000, blocked_ns=blocked)
    judged = judge(experiment(LATENCY), evidence(full))
    assert (judged.validity.status, judged.verdict.status) == ("VALID", "NOT_MET")
    assert "all slots were full for 1.0 s" in judged.validity.checked[0]


def test_a_worker_that_cannot_keep_up_leaves_a_run_valid() -> None:
    """What it did not count is an answer about the system; a worker that keeps up and leaves events is not."""
    good = evidence()
    waiting = replace(
        good.store, balance=Balance(accepted=2_000, counted=1_400, backlog=600), instances={WORKER: 1_400}
    )
    points = [(at + 0.5, 30.0 * min(max(at, 0), 20)) for at in range(-2, 24)]
    backlog = series("lab_stream_backlog", {}, points)
    behind = replace(
        good,
        store=waiting,
        totals=(replace(good.totals[0], count=1_400),),
        series=(counter([(at, min(70.0 * max(at, 0), 1_405)) for at in range(-2, 24)]), good.series[1], backlog),
    )
    judged = judge(experiment(keeps_up(), Objective("lost", 0)), behind)
    assert (judged.validity.status, judged.verdict.status) == ("VALID", "NOT_MET")
    assert [result.status for result in judged.verdict.objectives] == ["NOT_MET", "INCONCLUSIVE"]
    assert [attribution.cause for attribution in judged.comparison.attributions] == ["not-drained"]


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
    excused = validity(replace(gap, **excuse))  # type: ignore[arg-type]
    assert excused.status == "VALID"
    assert "no scrape gap except while a service was down" in excused.checked


def test_the_death_of_another_service_excuses_nothing() -> None:
    """Only its own."""
    gap = scraped(*np.arange(-2.0, 8), *np.arange(13.0, 24))(evidence())
    assert validity(replace(gap, deaths=(Death("query-api", "q", at(9), 9, 0),))).status == "INVALID"


def test_pushed_metrics_have_gaps_too() -> None:
    """Without `up`, the rule reads when samples arrived."""
    pushed = counter([(second, min(second * 100, 2_000)) for second in [*range(9), *range(14, 24)]])
    assert validity(replace(evidence(), series=(pushed,))).reasons[0].code == "scrape-gap"


def test_processes_that_push_at_nearly_the_same_time_leave_no_gap() -> None:
    """Each of them every second, a tenth apart: the interval is a process's own, not what lies between two of them."""
    pushed = tuple(
        counter([(second + late, 1_000) for second in range(-2, 24)], instance=f"late by {late}")
        for late in (0.0, 0.1, 0.2)
    )
    codes = {reason.code for reason in validity(replace(evidence(), series=pushed)).reasons}
    assert "scrape-gap" not in codes


def test_clocks_that_may_agree_leave_a_run_valid() -> None:
    """Within error and tolerance; the sentence says how far they are off."""
    agreeing = validity(with_clocks(NodeClock("a", 0.001, 0.004, 8), NodeClock("b", -0.2, 0.1, 8))(evidence()))
    assert agreeing.status == "VALID"
    assert "node clocks within 300 ms of the lab's" in agreeing.checked


def test_emulation_only_matters_where_an_architecture_is_asked_about() -> None:
    """A baseline says nothing about arm64; a trial on arm64 alone does."""
    status = ServiceStatus("ingest-api", "", healthy=True, host_architecture="aarch64", cpu_architecture="x86_64")
    emulated = replace(evidence(), statuses=(status,))
    assert validity(emulated).status == "VALID"
    on_arm64 = replace(experiment(LATENCY), architecture="arm64")
    assert [reason.code for reason in judge(on_arm64, emulated).validity.reasons] == ["emulated"]


def test_an_explained_difference_leaves_a_run_valid() -> None:
    """A killed process takes its last counts with it, and that has a name."""
    good = evidence()
    short = replace(good, store=replace(good.store, balance=Balance(2_040, 2_040), instances={WORKER: 2_000, "k": 40}))
    killed = replace(short, deaths=(Death("process-worker", "k", at(9), 9, 0),))
    assert validity(killed).status == "VALID"
