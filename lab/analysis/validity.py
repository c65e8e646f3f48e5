"""Whether a run may be believed, by a table of rules (`ARCHITECTURE.md` D12, D36)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lab.analysis.agreement import COUNTER
from lab.analysis.clocks import TOLERANCE_S, is_off
from lab.analysis.facts import Facts, Fail, Finding, Inconclusive, Pass
from lab.analysis.latency import ACKNOWLEDGED, NANOS_PER_MS, exact_quantile, latency_ms
from lab.analysis.objectives import lag_during, latency_objectives
from lab.analysis.places import emulated_places, node_of_load
from lab.analysis.schedule import IN_TIME_S, own_delay_ns, schedule_of
from lab.analysis.scrapes import Gap, export_times, scrape_gaps, scrape_times
from lab.model import NANOS, Reason, Validity
from lab.systems.services import HARNESS, JOB_PREFIX, QUERY_API

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lab.model import Evidence

MIN_KEPT: Final = 0.99
"""Share of the intended events that are sent, and share of the sent events that leave in time (D50)."""
MIN_COUNTED: Final = 0.99
"""Share of the acknowledged events that workers count while events are sent, or they did not keep up (D51)."""
DURABLE: Final = "durable"
MAX_GAP_INTERVALS: Final = 3
"""Scrape intervals without a scrape (D36)."""


def generator_kept_schedule(facts: Facts) -> Finding:
    """At least 99 % of the events left in time, and the generator's own delay did not spoil a latency objective.

    A delay for which the system or the machine is to blame counts in every latency, but not here.
    """
    account, samples = facts.evidence.load_run.account, facts.evidence.load_run.samples
    if not account.intended or not len(samples):
        return Inconclusive(Reason("no-samples", "the generator reported no batch"))
    if account.sent < MIN_KEPT * account.intended:
        sent = f"{account.sent:,} of {account.intended:,} intended events were sent"
        return Fail(Reason("generator-behind", f"{sent}, at least {100 * MIN_KEPT:g} % are needed"))
    pauses_s = _pauses_of_generator(facts.evidence)
    schedule = schedule_of(samples, pauses_s)
    if schedule.share < MIN_KEPT:
        late = f"the generator itself sent {schedule.late:,} of {schedule.kept + schedule.late:,} events"
        return Fail(Reason("generator-behind", f"{late} more than {IN_TIME_S:g} s late, at most 1 % may be"))
    if spoilt := _spoilt_by_delay(facts, pauses_s):
        return Fail(Reason("generator-behind", spoilt))
    full = f"; all slots were full for {schedule.full_s:.1f} s" if schedule.full_s >= IN_TIME_S else ""
    had_to_wait = schedule.held_back and schedule.starved_s >= IN_TIME_S
    starved = f"; the generator waited {schedule.starved_s:.1f} s for a CPU" if had_to_wait else ""
    return Pass(f"schedule kept ({100 * schedule.share:.1f} %{full}{starved})")


def _pauses_of_generator(evidence: Evidence) -> Sequence[tuple[float, float]]:
    """Return the stalls of the generator's machine; none where the generator ran on another machine than the lab."""
    return () if node_of_load(evidence) else evidence.pauses_s


def _spoilt_by_delay(facts: Facts, pauses_s: Sequence[tuple[float, float]]) -> str:
    """Return which latency objective was missed only because of the generator's own delay; empty for none."""
    samples = facts.evidence.load_run.samples
    if not (samples.outcome == ACKNOWLEDGED).any():
        return ""
    latencies = latency_ms(samples)
    without_delay = latencies - own_delay_ns(samples, pauses_s) / NANOS_PER_MS
    for objective in latency_objectives(facts.experiment):
        value, rest = (exact_quantile(part, objective.quantile) for part in (latencies, without_delay))
        if rest < objective.threshold <= value:
            missed = f"p{100 * objective.quantile:g} {value:.1f} ms misses {objective.threshold:g} ms"
            return f"{missed} only by the generator's own delay; without it, it is {rest:.1f} ms"
    return ""


def generator_was_not_stopped(facts: Facts) -> Finding:
    """The load was sent to its end."""
    load_run = facts.evidence.load_run
    if load_run.stopped:
        return Inconclusive(
            Reason("stopped", f"the load was stopped after {load_run.window.seconds:.1f} s, before its end")
        )
    return Pass()


def producer_ledger_is_whole(facts: Facts) -> Finding:
    """The producer ledger holds exactly the acknowledged events, or lost and double-counted mean nothing."""
    if gap := facts.ledger.producer_ledger_gap:
        differs = f"the producer ledger differs from the generator's own account by {gap:,} events"
        return Fail(Reason("journal-gap", differs))
    return Pass()


def scrapes_have_no_gap(facts: Facts) -> Finding:
    """No service went without a scrape for more than three intervals, except while it was down."""
    series = facts.evidence.series
    times = scrape_times(series) or export_times(series)
    if not times:
        return Inconclusive(Reason("no-series", "Prometheus holds no scrape of any service in this run"))
    window = facts.evidence.load_run.window
    gaps = [gap for scrapes in times for gap in scrape_gaps(scrapes, window, longer_than=MAX_GAP_INTERVALS)]
    unexcused = [gap for gap in gaps if not _was_down(gap, facts.evidence)]
    if unexcused:
        worst = max(unexcused, key=lambda gap: gap.end_s - gap.start_s)
        seconds, after = worst.end_s - worst.start_s, max(0.0, worst.start_s - window.start_ns / NANOS)
        unseen = f"{worst.job} was not scraped for {seconds:.1f} s ({worst.intervals:.0f} intervals)"
        return Fail(Reason("scrape-gap", f"{unseen}, {after:.0f} s into the run"))
    return Pass("no scrape gap except while a service was down" if gaps else "no scrape gap")


def store_is_durable(facts: Facts) -> Finding:
    """Events that the store acknowledged survive a crash of the store, at every look."""
    evidence = facts.evidence
    if weaker := [look for look in evidence.durability if look.durability != DURABLE]:
        since_s = max(0.0, (weaker[0].at_ns - evidence.load_run.window.start_ns) / NANOS)
        looks = f"at {len(weaker)} of {len(evidence.durability)} looks, first {since_s:.0f} s into the run"
        return _not_durable(f"{weaker[0].durability} {looks}")
    classes = {evidence.store.durability or "unknown", evidence.store_facts.durability or DURABLE}
    if others := sorted(classes - {DURABLE}):
        return _not_durable(others[0])
    return Pass("store durable")


def _not_durable(what: str) -> Fail:
    return Fail(Reason("store-not-durable", f"the store is {what}; acknowledged events need appendfsync always"))


def ledger_closes(facts: Facts) -> Finding:
    """Accepted = counted + dead + backlog, by the backlog that the store keeps and by the recomputed one."""
    balance, audited = facts.evidence.store.balance, facts.evidence.store.audited_backlog
    if balance.residual:
        terms = f"{balance.accepted:,} accepted - {balance.counted:,} counted - {balance.dead:,} dead"
        return Fail(Reason("ledger-open", f"{terms} - {balance.backlog:,} backlog = {balance.residual:,}, not 0"))
    if balance.backlog:
        waiting = f"{balance.backlog:,} accepted events were still not counted after draining"
        lag = lag_during(facts.evidence)
        if lag is not None and not lag.keeps_up(MIN_COUNTED):
            return Pass(f"{waiting}: the workers did not keep up with the load")
        return Fail(Reason("unsettled", waiting))
    if audited:
        return Fail(Reason("ledger-open", f"the audit finds {audited:,} events in the stream that no worker committed"))
    return Pass("ledger closed")


def store_knows_run(facts: Facts) -> Finding:
    """The store is still the one that accepted the run."""
    store, acknowledged = facts.evidence.store, facts.evidence.load_run.account.acknowledged
    if acknowledged and not store.known:
        return Fail(Reason("store-lost", f"{acknowledged:,} events were acknowledged, the store does not know the run"))
    if store.degraded:
        return Fail(Reason("cache-degraded", f"{QUERY_API} answered from a degraded cache: {store.degraded}"))
    return Pass()


def sums_are_exact(facts: Facts) -> Finding:
    """Every aggregate with the right count has the right sum, to the last micro-unit."""
    wrong = facts.ledger.wrong_sums
    if wrong:
        key, answered, expected = wrong[0].key, wrong[0].answer.micro, wrong[0].producer_ledger.micro
        example = f"({key.source}, {key.kind}): {answered} micro-units, the producer ledger has {expected}"
        return Fail(Reason("sums-differ", f"{len(wrong)} aggregates have the right count and a wrong sum; {example}"))
    return Pass()


def telemetry_is_explained(facts: Facts) -> Finding:
    """Every difference between Prometheus and the ledger is explained."""
    if facts.comparison.prometheus_counted is None:
        return Inconclusive(Reason("no-series", f"Prometheus has no series of {COUNTER} for this run"))
    unexplained = [attribution for attribution in facts.comparison.attributions if not attribution.explained]
    if unexplained:
        events = sum(attribution.events for attribution in unexplained)
        processes = ", ".join(sorted({attribution.instance_id[:8] or "no process" for attribution in unexplained}))
        message = f"ledger minus Prometheus leaves {events:+,} events that nothing explains ({processes})"
        return Fail(Reason("telemetry-disagrees", message))
    return Pass()


def clocks_agree(facts: Facts) -> Finding:
    """The generator's clock did not step, and the store's agrees with the generator's and the lab's.

    The last commit comes after the send of the last acknowledged batch, and before the lab reads the ledger.
    """
    load_run, store, read_ns = facts.evidence.load_run, facts.evidence.store, facts.evidence.read_ns
    samples, step_s = load_run.samples, load_run.clock_step_ns / NANOS
    if abs(step_s) > TOLERANCE_S:
        return Fail(Reason("clock", f"the generator's clock was set by {step_s:+.2f} s while events were sent"))
    if (samples.completed_ns < samples.sent_ns).any():
        return Fail(Reason("clock", "the generator's clock stepped: a batch was answered before it was sent"))
    if not store.balance.counted or store.balance.backlog:
        return Pass()
    acknowledged = samples.outcome == ACKNOWLEDGED
    last_sent_ns = samples.started_ns + int(samples.sent_ns[acknowledged].max(initial=0))
    behind_s, ahead_s = (last_sent_ns - store.last_commit_ns) / NANOS, (store.last_commit_ns - read_ns) / NANOS
    if behind_s > TOLERANCE_S:
        return Fail(Reason("clock", f"the store's clock is at least {behind_s:.1f} s behind the generator's"))
    if read_ns and ahead_s > TOLERANCE_S:
        return Fail(Reason("clock", f"the store's clock is at least {ahead_s:.1f} s ahead of the lab's"))
    return Pass()


def nodes_clocks_agree(facts: Facts) -> Finding:
    """No node's clock is off by more than its own error and the tolerance.

    Latency does not depend on it: the generator's clock alone measures latency. But a sample bears the time of its
    node, and is put in order with the run's window, its faults and the store's commits.
    """
    clocks = facts.evidence.clocks
    if off := max(filter(is_off, clocks), key=lambda clock: abs(clock.offset_s), default=None):
        side = "ahead of" if off.offset_s > 0 else "behind"
        where = f"the clock of node {off.node} is {abs(off.offset_s):.2f} s {side} the lab's (± {off.error_s:.2f} s)"
        return Fail(Reason("clock-offset", f"{where}: its samples cannot be put in order with faults and commits"))
    if not clocks:
        return Pass()
    widest_ms = 1e3 * max(abs(clock.offset_s) + clock.error_s for clock in clocks)
    return Pass(f"node clocks within {widest_ms:.0f} ms of the lab's")


def architecture_is_real(facts: Facts) -> Finding:
    """A trial about one architecture ran on real processors of that architecture."""
    for place, emulation in emulated_places(facts.evidence).items():
        if place.architecture == facts.experiment.architecture:
            where = f"node {place.node}" if place.node else "this machine"
            message = f"{where} is emulated ({emulation}): its figures are not those of real {place.architecture}"
            return Fail(Reason("emulated", message))
    return Pass()


def harness_survived(facts: Facts) -> Finding:
    """No program that measures died, except by a planned fault."""
    planned = {fault.service for fault in facts.evidence.faults}
    died = sorted({death.service for death in facts.evidence.deaths if death.service in HARNESS} - planned)
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
"""In the order of the sentences in `Validity.checked`."""


def assess(facts: Facts) -> Validity:
    """Apply every rule. One that fails makes the run INVALID, also beside rules that are inconclusive."""
    findings = [rule(facts) for rule in RULES]
    failed = tuple(finding.reason for finding in findings if isinstance(finding, Fail))
    inconclusive = tuple(finding.reason for finding in findings if isinstance(finding, Inconclusive))
    checked = tuple(finding.sentence for finding in findings if isinstance(finding, Pass) and finding.sentence)
    if failed:
        return Validity("INVALID", (*failed, *inconclusive), checked)
    return Validity("INCONCLUSIVE" if inconclusive else "VALID", inconclusive, checked)


def _was_down(gap: Gap, evidence: Evidence) -> bool:
    """Return whether the gap falls on a death or a planned fault of the same service."""
    service = gap.job.removeprefix(JOB_PREFIX)
    moments = [fault.started_ns for fault in evidence.faults if fault.service == service]
    moments += [death.at_ns for death in evidence.deaths if death.service == service]
    return any(gap.start_s <= moment / NANOS <= gap.end_s for moment in moments)
