"""Whether a run may be believed, by a table of rules (`ARCHITECTURE.md` D12, D36)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lab.analysis.clocks import is_off
from lab.analysis.facts import Facts, Fail, Finding, Inconclusive, Pass
from lab.analysis.latency import exact_quantile, schedule_delay_ms
from lab.analysis.places import emulated_places
from lab.analysis.scrapes import Gap, export_times, scrape_gaps, scrape_times
from lab.model import NANOS, Reason, Validity

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.model import Objective

MIN_ACHIEVED: Final = 0.99
MAX_DELAY_SHARE: Final = 0.1
MAX_GAP_INTERVALS: Final = 3
HARNESS: Final = ("simulator", "prometheus")
"""What measures; its death is not an answer about the system."""


def generator_kept_schedule(facts: Facts) -> Finding:
    """At least 99 % of what was intended was sent, and late by little beside the latency that is judged."""
    account, samples = facts.evidence.load_run.account, facts.evidence.load_run.samples
    if not account.intended or not len(samples):
        return Inconclusive(Reason("no-samples", "the generator reported no batch"))
    achieved = account.sent / account.intended
    if achieved < MIN_ACHIEVED:
        sent = f"{account.sent:,} of {account.intended:,} intended events were sent ({100 * achieved:.1f} %)"
        return Fail(Reason("generator-behind", f"{sent}, at least {100 * MIN_ACHIEVED:g} % are needed"))
    objective = _tightest_latency(facts)
    delay_ms = exact_quantile(schedule_delay_ms(samples), 0.99)
    if objective and delay_ms > MAX_DELAY_SHARE * objective.threshold:
        late = f"p99 schedule delay {delay_ms:.1f} ms is more than 10 % of the objective {objective.threshold:g} ms"
        return Fail(Reason("generator-behind", late))
    return Pass(f"schedule kept ({100 * achieved:.1f} %)")


def generator_was_not_stopped(facts: Facts) -> Finding:
    """The whole profile was played."""
    load_run = facts.evidence.load_run
    if load_run.stopped:
        return Inconclusive(
            Reason("stopped", f"the load was ended after {load_run.window.seconds:.1f} s, before its profile was")
        )
    return Pass()


def producer_ledger_is_whole(facts: Facts) -> Finding:
    """The generator's journal holds exactly what it says was acknowledged, else lost and twice mean nothing."""
    if gap := facts.ledger.producer_ledger_gap:
        return Fail(Reason("journal-gap", f"the generator's journal differs from its own account by {gap:,} events"))
    return Pass()


def scrapes_have_no_gap(facts: Facts) -> Finding:
    """No service went unseen for more than three scrape intervals, but where it was dead."""
    series = facts.evidence.series
    times = scrape_times(series) or export_times(series)
    if not times:
        return Inconclusive(Reason("no-series", "Prometheus holds no scrape of any service in this run"))
    window = facts.evidence.load_run.window
    gaps = [gap for one in times for gap in scrape_gaps(one, window, longer_than=MAX_GAP_INTERVALS)]
    unexcused = [gap for gap in gaps if not _was_down(gap, facts)]
    if unexcused:
        worst = max(unexcused, key=lambda gap: gap.end_s - gap.start_s)
        seconds, after = worst.end_s - worst.start_s, max(0.0, worst.start_s - window.start_ns / NANOS)
        message = (
            f"{worst.job} was not scraped for {seconds:.1f} s ({worst.intervals:.0f} intervals), {after:.0f} s into it"
        )
        return Fail(Reason("scrape-gap", message))
    return Pass("no scrape gap but where a service was down" if gaps else "no scrape gap")


def store_is_durable(facts: Facts) -> Finding:
    """What the store acknowledged survives a crash of it."""
    said = {facts.evidence.store.durability or "unknown", facts.evidence.store_facts.durability or "durable"}
    if weaker := sorted(said - {"durable"}):
        return Fail(
            Reason("store-not-durable", f"the store is {weaker[0]}; acknowledged events need appendfsync always")
        )
    return Pass("store durable")


def ledger_closes(facts: Facts) -> Finding:
    """Conservation: accepted = counted + dead + backlog, by the kept and by the recomputed backlog."""
    balance, audited = facts.evidence.store.balance, facts.evidence.store.audited_backlog
    if balance.residual:
        terms = f"{balance.accepted:,} accepted - {balance.counted:,} counted - {balance.dead:,} dead"
        return Fail(Reason("ledger-open", f"{terms} - {balance.backlog:,} backlog = {balance.residual:,}, not 0"))
    if audited:
        return Fail(Reason("ledger-open", f"the audit finds {audited:,} events in the stream that nobody settled"))
    if balance.backlog:
        return Fail(Reason("unsettled", f"{balance.backlog:,} accepted events had not been counted when it was read"))
    return Pass("ledger closed")


def store_knows_run(facts: Facts) -> Finding:
    """The store still is the one that accepted the run."""
    store, acknowledged = facts.evidence.store, facts.evidence.load_run.account.acknowledged
    if acknowledged and not store.known:
        return Fail(Reason("store-lost", f"{acknowledged:,} events were acknowledged, the store does not know the run"))
    if store.degraded:
        return Fail(Reason("cache-degraded", f"query-api answered from a cache that is degraded: {store.degraded}"))
    return Pass()


def sums_are_exact(facts: Facts) -> Finding:
    """Every cell with the right count has the right sum, to the last micro-unit."""
    wrong = facts.ledger.wrong_sums
    if wrong:
        key, found, expected = wrong[0].key, wrong[0].answer.micro, wrong[0].producer_ledger.micro
        example = f"({key.source}, {key.kind}): {found} micro-units, the journal has {expected}"
        return Fail(Reason("sums-differ", f"{len(wrong)} cells have the right count and a wrong sum; {example}"))
    return Pass()


def telemetry_is_explained(facts: Facts) -> Finding:
    """Every difference between Prometheus and the ledger has a name."""
    if facts.comparison.prometheus_counted is None:
        return Inconclusive(
            Reason("no-series", "Prometheus has no series of worker_events_processed_total for this run")
        )
    remainder = [one for one in facts.comparison.attributions if not one.explained]
    if remainder:
        events = sum(one.events for one in remainder)
        which = ", ".join(sorted({one.instance_id[:8] or "no process" for one in remainder}))
        message = f"ledger minus Prometheus leaves {events:+,} events that nothing explains ({which})"
        return Fail(Reason("telemetry-disagrees", message))
    return Pass()


def clocks_agree(facts: Facts) -> Finding:
    """The generator's clock did not step, and the store's is not behind it."""
    load_run, store = facts.evidence.load_run, facts.evidence.store
    if (load_run.samples.completed_ns < load_run.samples.sent_ns).any():
        return Fail(Reason("clock", "the generator's clock stepped: a batch was answered before it was sent"))
    behind_ms = (load_run.window.start_ns - store.last_commit_ns) / 1e6
    if store.balance.counted and behind_ms > 0:
        return Fail(Reason("clock", f"the store's clock is at least {behind_ms:.1f} ms behind the generator's"))
    return Pass()


def nodes_clocks_agree(facts: Facts) -> Finding:
    """No node's clock is off by more than its own error and what figures across machines tolerate.

    Latency is not concerned, since the generator's clock alone measures it. But samples bear the time of the node that
    made them, and are put in order with the run's window, its faults and the store's commits.
    """
    clocks = facts.evidence.clocks
    if off := max(filter(is_off, clocks), key=lambda one: abs(one.offset_s), default=None):
        side = "ahead of" if off.offset_s > 0 else "behind"
        where = f"the clock of node {off.node} is {abs(off.offset_s):.2f} s {side} the lab's (± {off.error_s:.2f} s)"
        return Fail(Reason("clock-offset", f"{where}: samples of it cannot be put in order with faults and commits"))
    if not clocks:
        return Pass()
    widest_ms = 1e3 * max(abs(one.offset_s) + one.error_s for one in clocks)
    return Pass(f"node clocks within {widest_ms:.0f} ms of the lab's")


def architecture_is_real(facts: Facts) -> Finding:
    """A trial that is to speak of one architecture ran on processors of it."""
    for place, how in emulated_places(facts.evidence).items():
        if place.architecture == facts.experiment.architecture:
            where = f"node {place.node}" if place.node else "this machine"
            said = f"{where} is emulated ({how}): its figures are the emulator's, not those of {place.architecture}"
            return Fail(Reason("emulated", said))
    return Pass()


def harness_survived(facts: Facts) -> Finding:
    """What measures did not die unasked."""
    asked = {fault.service for fault in facts.evidence.faults}
    died = sorted({death.service for death in facts.evidence.deaths if death.service in HARNESS} - asked)
    return Fail(Reason("harness-died", f"{' and '.join(died)} died during the run")) if died else Pass()


RULES: Final[tuple[Callable[[Facts], Finding], ...]] = (
    generator_kept_schedule,
    scrapes_have_no_gap,
    store_is_durable,
    ledger_closes,
    generator_was_not_stopped,
    producer_ledger_is_whole,
    store_knows_run,
    sums_are_exact,
    telemetry_is_explained,
    clocks_agree,
    nodes_clocks_agree,
    architecture_is_real,
    harness_survived,
)
"""In the order in which `checked` reads."""


def assess(facts: Facts, *, missing: tuple[Reason, ...] = ()) -> Validity:
    """Apply every rule; what breaks a run outweighs what is missing.

    Args:
        facts: The trial.
        missing: What could not be collected in the first place.
    """
    findings = [rule(facts) for rule in RULES]
    broken = tuple(finding.reason for finding in findings if isinstance(finding, Fail))
    lacking = (*missing, *(finding.reason for finding in findings if isinstance(finding, Inconclusive)))
    checked = tuple(finding.sentence for finding in findings if isinstance(finding, Pass) and finding.sentence)
    if broken:
        return Validity("INVALID", (*broken, *lacking), checked)
    return Validity("INCONCLUSIVE" if lacking else "VALID", lacking, checked)


def _tightest_latency(facts: Facts) -> Objective | None:
    latencies = [objective for objective in facts.experiment.objectives if objective.kind == "latency"]
    return min(latencies, key=lambda objective: objective.threshold, default=None)


def _was_down(gap: Gap, facts: Facts) -> bool:
    """Whether the gap falls on a death or a planned fault of that very service."""
    evidence = facts.evidence
    service = gap.job.partition("/")[2]
    moments = [fault.started_ns for fault in evidence.faults if fault.service == service]
    moments += [death.at_ns for death in evidence.deaths if death.service == service]
    return any(gap.start_s <= moment / NANOS <= gap.end_s for moment in moments)
