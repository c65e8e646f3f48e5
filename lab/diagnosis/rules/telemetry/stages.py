"""The stages between a process and the query for its metric: which is the first silent one, and what cures it."""

import re
from collections.abc import Sequence
from typing import Final

from lab.diagnosis import remedies
from lab.diagnosis.finding import Cure
from lab.diagnosis.rules.evidence.metrics import FRESH_S
from lab.diagnosis.rules.telemetry.environment import difference
from lab.diagnosis.rules.telemetry.pipeline import (
    NEWEST,
    age_s,
    collector_log,
    collector_workload,
    is_scraped,
    written_to,
)
from lab.snapshots.kubernetes import Pod
from lab.snapshots.snapshot import Snapshot
from lab.snapshots.telemetry_variables import DISABLED, EXPORTER, METRICS_PUSHED_TO, PUSHED_TO
from services.contracts.signals import PROMISED

EXPORTING: Final = "exporting"
COLLECTING: Final = "the collector"
REMOTE_WRITE: Final = "remote write"
QUERY: Final = "the query"
SHARED: Final = frozenset({REMOTE_WRITE, QUERY})
"""Stages that the metrics of all services pass."""
EXPORT_FAILS: Final = re.compile(
    r"[Ee]xport\w* (?:metrics|traces|batch|to).*(?:UNAVAILABLE|DEADLINE_EXCEEDED|UNAUTHENTICATED)"
)
DELIVERY_FAILS: Final = re.compile(r"(?i)exporting failed|failed to send|dropping data")
"""What a collector logs about points that it could not send."""
EXPORT_VARIABLES: Final = (DISABLED, EXPORTER, PUSHED_TO, METRICS_PUSHED_TO)
ADDRESS: Final = re.compile(r":\d+$")
RENAMED: Final = (
    "the job that scrapes the collector lacks honor_labels: true, and so renames instance and job (manifests/README.md)"
)
NOT_SCRAPED: Final = "nothing scrapes the collector, or not with honor_labels: true (manifests/README.md says how)"


def first_silent_stage(snapshot: Snapshot, pods: Sequence[Pod], *, some_arrive: bool) -> str:
    """Return the first stage that passes on nothing of these pods of one service.

    *some_arrive* tells whether the metric of another service arrives.
    """
    if is_scraped(snapshot) and _is_renamed(snapshot, PROMISED[pods[0].service].prometheus_name):
        return QUERY
    collector = snapshot.probes.collector
    fails = any(EXPORT_FAILS.search(line) for pod in pods for line in snapshot.log(pod)[-NEWEST:])
    if some_arrive or collector is None or not collector.received:
        return COLLECTING if fails else EXPORTING
    if collector.failed and _delivery_fails_now(snapshot, collector.sent):
        return REMOTE_WRITE
    return QUERY if collector.sent else COLLECTING


def cure_of_stage(snapshot: Snapshot, stage: str, pod: Pod, *, working: Sequence[Pod], metric: str) -> Cure:
    """Return why a stage is silent for a pod's metric, and what to do; *working* pods have metrics that arrive."""
    if stage in {EXPORTING, COLLECTING} and (cure := difference(snapshot, pod, working, EXPORT_VARIABLES)):
        return cure
    if stage == EXPORTING:
        why = "the process is configured to export nothing, or its exporter is stuck"
        return Cure(why, remedies.restart(snapshot.namespace, pod.workload))
    if stage == QUERY:
        return _cure_of_query(snapshot, metric)
    why = (
        "it receives nothing from this process, or none of its pipelines leads to Prometheus"
        if stage == COLLECTING
        else "the collector receives points and cannot send them to its configured address; the lab reaches Prometheus"
    )
    restart = remedies.restart(snapshot.namespace, collector_workload(snapshot))
    return Cure(why, f"{remedies.up(snapshot.namespace)} && {restart}")


def _cure_of_query(snapshot: Snapshot, metric: str) -> Cure:
    """Return why a query finds no samples although they were sent, and the command that shows what is there."""
    probe, written = snapshot.probes.prometheus, written_to(snapshot)
    if probe is not None and not probe.inside and written not in {"", probe.url.rstrip("/")}:
        why = f"the collector writes to {written}, the lab asks {probe.url}; `lab up` makes it write to the lab's"
        return Cure(why, remedies.up(snapshot.namespace))
    prefix = metric.partition("_")[0]
    why = "the points were sent, but under another name, or to another Prometheus than the one that is asked"
    query = f'count by (__name__, job) ({{__name__=~"{prefix}_.*"}})'
    if is_scraped(snapshot):
        why = RENAMED if _is_renamed(snapshot, metric) else NOT_SCRAPED
        query = f"count by (job, instance, exported_job, exported_instance) ({metric})"
    if probe is not None and probe.inside:
        promtool = ("promtool", "query", "instant", "http://localhost:9090", query)
        return Cure(why, remedies.kubectl(snapshot.namespace, "exec", "deployment/prometheus", "--", *promtool))
    return Cure(why, f"curl -sG {probe.url if probe else ''}/api/v1/query --data-urlencode 'query={query}'")


def _delivery_fails_now(snapshot: Snapshot, sent: int) -> bool:
    """Return whether deliveries fail now.

    The collector's counters cover its whole life, so that the times in its log decide. Without a log, or where nothing
    was ever sent, every failure counts as a present one.
    """
    log = collector_log(snapshot)
    failures = [line for line in log if DELIVERY_FAILS.search(line)]
    return not sent or not log or any(age_s(snapshot, line) <= FRESH_S for line in failures)


def _is_renamed(snapshot: Snapshot, metric: str) -> bool:
    """Return whether samples of a metric bear an address, which a scrape sets, in place of a process."""
    probe = snapshot.probes.prometheus
    samples = (probe.samples if probe else None) or ()
    return any(sample.metric == metric and ADDRESS.search(sample.instance) for sample in samples)
