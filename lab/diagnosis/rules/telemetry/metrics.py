"""Pods that run while nothing is counted, or while no metric arrives: the first silent stage."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from lab.diagnosis.finding import Finding, name_of
from lab.diagnosis.rules.evidence.metrics import fresh_samples, no_sample
from lab.diagnosis.rules.telemetry.consuming import CAUSE, workers_consume_nothing
from lab.diagnosis.rules.telemetry.delivery import delivery_failure
from lab.diagnosis.rules.telemetry.environment import running_pods
from lab.diagnosis.rules.telemetry.pipeline import collector_workload
from lab.diagnosis.rules.telemetry.stages import REMOTE_WRITE, SHARED, cure_of_stage, first_silent_stage
from lab.snapshots.kubernetes import Pod
from lab.snapshots.snapshot import Snapshot, by_workload
from services.contracts.signals import PROMISED


class Arrivals(NamedTuple):
    """Running pods whose promised metric does not arrive, and those whose metric does."""

    silent: tuple[Pod, ...]
    working: tuple[Pod, ...]


def runs_without_metrics(snapshot: Snapshot) -> Iterator[Finding]:
    """A service runs and counts nothing, or its promised metric does not arrive."""
    idle = tuple(workers_consume_nothing(snapshot))
    yield from idle
    probe = snapshot.probes.prometheus
    if probe is None or probe.samples is None or delivery_failure(snapshot) is not None:
        return
    arrivals = _arrivals(snapshot)
    explained = {finding.object for finding in idle}
    silent = [pod for pod in arrivals.silent if pod.workload not in explained]
    for workload, pods in by_workload(silent).items():
        stage = first_silent_stage(snapshot, pods, some_arrive=bool(arrivals.working))
        if stage in SHARED:
            yield _of_all_services(snapshot, stage, silent)
            return
        metric = _promised(pods[0])
        why, do = cure_of_stage(snapshot, stage, pods[0], working=arrivals.working, metric=metric)
        yield Finding(
            cause=CAUSE,
            object=workload,
            title=f"{name_of(workload)} runs, no metric arrives: the first silent stage is {stage}",
            found=f"{no_sample([metric], probe.url)}; {_counts(snapshot)}",
            why=why,
            do=do,
            rests_on=("collector", *(pod.ref for pod in pods)),
        )


def _of_all_services(snapshot: Snapshot, stage: str, silent: Sequence[Pod]) -> Finding:
    """Return the one finding about a stage that the metrics of all services pass."""
    probe, names = snapshot.probes.prometheus, sorted({name_of(pod.workload) for pod in silent})
    url, metrics = probe.url if probe else "", list(dict.fromkeys(_promised(pod) for pod in silent))
    why, do = cure_of_stage(snapshot, stage, silent[0], working=(), metric=metrics[0])
    run = f"{names[0]} runs" if len(names) == 1 else f"{len(names)} Deployments run"
    return Finding(
        cause=CAUSE,
        object=collector_workload(snapshot) if stage == REMOTE_WRITE else f"Prometheus/{url}",
        title=f"{run}, no metric arrives: the first silent stage is {stage}",
        found=f"{no_sample(metrics, url)}; {_counts(snapshot)}",
        why=why,
        do=do,
        rests_on=("collector",),
    )


def _arrivals(snapshot: Snapshot) -> Arrivals:
    instances = {process.pod: process.instance for process in snapshot.probes.processes}
    fresh = fresh_samples(snapshot)
    silent: list[Pod] = []
    working: list[Pod] = []
    for service in PROMISED:
        for pod in running_pods(snapshot, service):
            instance = instances.get(pod.name, "")
            arrives = any(metric == _promised(pod) and instance in {"", sampled} for metric, sampled in fresh)
            (working if arrives else silent).append(pod)
    return Arrivals(tuple(silent), tuple(working))


def _promised(pod: Pod) -> str:
    """Return the metric that a pod's service promises."""
    return PROMISED[pod.service].prometheus_name


def _counts(snapshot: Snapshot) -> str:
    collector = snapshot.probes.collector
    if collector is None:
        return "the collector was not asked"
    counts = f"received {collector.received:,} points, sent {collector.sent:,}, failed to send {collector.failed:,}"
    return f"since its start the collector {counts}"
