"""Pods that run while nothing is counted, or no metric arrives: the first hop that is silent."""

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from lab.diagnosis import remedies
from lab.diagnosis.finding import Finding
from lab.diagnosis.rules.prometheus import (
    COLLECTOR,
    NEWEST,
    age_s,
    collectors,
    is_scraped,
    prometheus_receives_nothing,
    written_to,
)
from lab.snapshots.kubernetes import Pod
from lab.snapshots.probes import LastSample
from lab.snapshots.snapshot import Snapshot, by_workload
from services.contracts.signals import PROMISED

FIRST_EXPORT_S: Final = 60.0
"""How long a metric may take to arrive after the start, and how old its newest sample may be."""
STILL_S: Final = 15.0
"""Workers that count nothing for longer while events wait do nothing: what a dead one held was taken over by then."""
EXPORT_FAILS: Final = re.compile(
    r"[Ee]xport\w* (?:metrics|traces|batch|to).*(?:UNAVAILABLE|DEADLINE_EXCEEDED|UNAUTHENTICATED)"
)
PATHS: Final = (
    "OTEL_SDK_DISABLED", "OTEL_METRICS_EXPORTER", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
)  # fmt: skip
QUEUES: Final = ("LAB_REDIS_URL", "LAB_STORE_NAMESPACE")
DELIVERY_FAILS: Final = re.compile(r"(?i)exporting failed|failed to send|dropping data")
"""What a collector says of points that it could not pass on."""
ADDRESS: Final = re.compile(r":\d+$")
RENAMED: Final = (
    "the job that scrapes the collector lacks honor_labels: true, and so renames instance and job (manifests/README.md)"
)
NOT_SCRAPED: Final = "nothing scrapes the collector, or not with honor_labels: true (manifests/README.md says how)"
CAUSE: Final = "running-no-metrics"
REMOTE_WRITE: Final = "remote write"
QUERY: Final = "the query"
SHARED: Final = (REMOTE_WRITE, QUERY)
"""Hops by which the metrics of all services go; what is silent there is said once."""


class Silent(NamedTuple):
    """A pod that runs while its promised metric does not arrive."""

    pod: Pod
    metric: str


def runs_without_metrics(snapshot: Snapshot) -> Iterator[Finding]:
    """A service runs and does not count, or its promised metric does not arrive; names the first hop that is silent."""
    idle = tuple(_idle(snapshot))
    yield from idle
    probe = snapshot.probes.prometheus
    if probe is None or probe.samples is None or next(prometheus_receives_nothing(snapshot), None):
        return
    silent, heard = _silent(snapshot, probe.samples)
    idling = {one.object for one in idle}
    for workload, pods in by_workload(one.pod for one in silent).items():
        if workload in idling:
            continue
        stage = _stage(snapshot, pods, some_arrive=bool(heard))
        if stage in SHARED:
            yield _all_silent(snapshot, stage, [one for one in silent if one.pod.workload not in idling])
            return
        metric = PROMISED[pods[0].service].prometheus_name
        why, do = _cure(snapshot, stage, pods[0], heard=heard, metric=metric)
        yield Finding(
            CAUSE,
            workload,
            f"{workload.rpartition('/')[2]} runs, no metric arrives: the first silent stage is {stage}",
            found=f"no sample of {metric} in the last {FIRST_EXPORT_S:.0f} s at {probe.url}; {_counts(snapshot)}",
            why=why,
            do=do,
            rests_on=("collector", *(pod.ref for pod in pods)),
        )


def _all_silent(snapshot: Snapshot, stage: str, silent: Sequence[Silent]) -> Finding:
    """What is said once of a hop by which the metrics of all services go."""
    probe, names = snapshot.probes.prometheus, sorted({one.pod.workload.rpartition("/")[2] for one in silent})
    url, metrics = probe.url if probe else "", list(dict.fromkeys(one.metric for one in silent))
    why, do = _cure(snapshot, stage, silent[0].pod, heard=(), metric=metrics[0])
    run = f"{names[0]} runs" if len(names) == 1 else f"{len(names)} Deployments run"
    return Finding(
        CAUSE,
        _collector(snapshot) if stage == REMOTE_WRITE else f"Prometheus/{url}",
        f"{run}, no metric arrives: the first silent stage is {stage}",
        found=f"no sample of {', '.join(metrics)} in the last {FIRST_EXPORT_S:.0f} s at {url}; {_counts(snapshot)}",
        why=why,
        do=do,
        rests_on=("collector",),
    )


def _idle(snapshot: Snapshot) -> Iterator[Finding]:
    """Workers run, events wait, and none is taken."""
    ledger, workers = snapshot.probes.ledger, _well(snapshot, "process-worker")
    if ledger is None or not workers or not ledger.backlog or ledger.still_s < STILL_S:
        return
    others = _well(snapshot, "ingest-api")
    for workload, pods in by_workload(workers).items():
        why, do = _difference(snapshot, pods[0], others, QUEUES) or (
            "its process is stuck, paused, or waits on a connection that is dead",
            remedies.restart(snapshot.namespace, workload),
        )
        yield Finding(
            CAUSE,
            workload,
            f"{workload.rpartition('/')[2]} runs, counts nothing: the first silent stage is consuming",
            found=f"{ledger.backlog:,} of {ledger.accepted:,} accepted events wait, and none was counted "
            f"in {ledger.still_s:.0f} s",
            why=why,
            do=do,
            rests_on=("store", *(pod.ref for pod in pods)),
        )


def _silent(snapshot: Snapshot, samples: tuple[LastSample, ...]) -> tuple[tuple[Silent, ...], tuple[Pod, ...]]:
    """Pods whose promised metric is missing or old, and those whose metric arrives."""
    instances = {one.pod: one.instance for one in snapshot.probes.processes if one.instance}
    fresh = {(one.metric, one.instance) for one in samples if snapshot.taken_at - one.at <= FIRST_EXPORT_S}
    silent, heard = [], []
    for service, signal in PROMISED.items():
        for pod in _well(snapshot, service):
            metric, instance = signal.prometheus_name, instances.get(pod.name, "")
            arrives = any(one == metric and instance in {"", of} for one, of in fresh)
            heard.append(pod) if arrives else silent.append(Silent(pod, metric))
    return tuple(silent), tuple(heard)


def _stage(snapshot: Snapshot, pods: Sequence[Pod], *, some_arrive: bool) -> str:
    """The first hop between these processes and the query that passes nothing on."""
    if is_scraped(snapshot) and _is_renamed(snapshot, PROMISED[pods[0].service].prometheus_name):
        return QUERY
    collector = snapshot.probes.collector
    fails = any(EXPORT_FAILS.search(line) for pod in pods for line in snapshot.log(pod)[-NEWEST:])
    if some_arrive or collector is None or not collector.received:
        return "the collector" if fails else "exporting"
    if collector.failed and _fails_now(snapshot, collector.sent):
        return REMOTE_WRITE
    return QUERY if collector.sent else "the collector"


def _fails_now(snapshot: Snapshot, sent: int) -> bool:
    """Whether points that could not be passed on are of now: the collector counts them from its start.

    Only its log tells, by the times of its lines; where there is none, or nothing was ever passed on, they are.
    """
    log = [line for pod in collectors(snapshot) for line in snapshot.log(pod)[-NEWEST:]]
    failures = [line for line in log if DELIVERY_FAILS.search(line)]
    return not sent or not log or any(age_s(snapshot, line) <= FIRST_EXPORT_S for line in failures)


def _cure(snapshot: Snapshot, stage: str, pod: Pod, *, heard: tuple[Pod, ...], metric: str) -> tuple[str, str]:
    if stage in {"exporting", "the collector"} and (differs := _difference(snapshot, pod, heard, PATHS)):
        return differs
    if stage == "exporting":
        why = "the process was told to export nothing, or its exporter is stuck"
        return why, remedies.restart(snapshot.namespace, pod.workload)
    if stage in {"the collector", REMOTE_WRITE}:
        why = (
            "it takes nothing from this process, or no pipeline of it leads to Prometheus"
            if stage == "the collector"
            else "the collector takes points and cannot deliver them where it was told to; the lab reaches Prometheus"
        )
        return why, f"{remedies.up(snapshot.namespace)} && {remedies.restart(snapshot.namespace, _collector(snapshot))}"
    probe, written = snapshot.probes.prometheus, written_to(snapshot)
    if probe is not None and not probe.inside and written not in {"", probe.url.rstrip("/")}:
        why = f"the collector writes to {written}, the lab asks {probe.url}; `lab up` has it write where the lab asks"
        return why, remedies.up(snapshot.namespace)
    prefix = metric.partition("_")[0]
    why = "points were delivered, but not under this name, or to another Prometheus than the one that is asked"
    query = f'count by (__name__, job) ({{__name__=~"{prefix}_.*"}})'
    if is_scraped(snapshot):
        why = RENAMED if _is_renamed(snapshot, metric) else NOT_SCRAPED
        query = f"count by (job, instance, exported_job, exported_instance) ({metric})"
    if probe is not None and probe.inside:
        words = ("exec", "deployment/prometheus", "--", "promtool", "query", "instant", "http://localhost:9090", query)
        return why, remedies.kubectl(snapshot.namespace, *words)
    return why, f"curl -sG {probe.url if probe else ''}/api/v1/query --data-urlencode 'query={query}'"


def _collector(snapshot: Snapshot) -> str:
    """What makes the collector's pods."""
    return next(iter(by_workload(collectors(snapshot))), f"Deployment/{COLLECTOR}")


def _is_renamed(snapshot: Snapshot, metric: str) -> bool:
    """Whether there are samples of a metric that bear an address, which a scrape gives, in place of a process."""
    probe = snapshot.probes.prometheus
    samples = (probe.samples if probe else None) or ()
    return any(one.metric == metric and ADDRESS.search(one.instance) for one in samples)


def _difference(
    snapshot: Snapshot, pod: Pod, others: tuple[Pod, ...], names: tuple[str, ...]
) -> tuple[str, str] | None:
    """A variable that this pod has otherwise than pods that do well, and how to make it the same."""
    for name in names:
        mine = _variable(pod, name)
        theirs = {_variable(one, name) for one in others}
        if len(theirs) == 1 and mine not in theirs:
            value = theirs.pop()
            change = f"{name}={value}" if value else f"{name}-"
            other = others[0].workload.rpartition("/")[2]
            why = f"its {name} is {mine or 'not set'}, that of {other} is {value or 'not set'}"
            return why, remedies.kubectl(snapshot.namespace, "set", "env", pod.workload.lower(), change)
    return None


def _variable(pod: Pod, name: str) -> str:
    return next((value for one in pod.containers if (value := one.variable(name))), "")


def _well(snapshot: Snapshot, service: str) -> tuple[Pod, ...]:
    """Pods of a service that run and are ready for long enough to be heard of."""
    return tuple(
        pod
        for pod in snapshot.pods
        if pod.service == service
        and pod.containers
        and all(one.is_ready and snapshot.age_s(one.running_since) > FIRST_EXPORT_S for one in pod.containers)
    )


def _counts(snapshot: Snapshot) -> str:
    seen = snapshot.probes.collector
    if seen is None:
        return "the collector was not asked"
    counts = f"took {seen.received:,} points, passed on {seen.sent:,}, could not pass on {seen.failed:,}"
    return f"since its start the collector {counts}"
