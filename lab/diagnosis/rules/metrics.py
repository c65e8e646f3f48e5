"""Pods that run while no metric arrives: Prometheus takes nothing, or the first hop that is silent."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from lab.diagnosis import remedies
from lab.diagnosis.finding import Finding
from lab.diagnosis.objects import Pod
from lab.diagnosis.probes import PrometheusProbe
from lab.diagnosis.snapshot import Snapshot, by_workload
from services.contracts.signals import PROMISED

FIRST_EXPORT_S: Final = 60.0
"""How long a metric may take to arrive after the start, and how old its newest sample may be."""
STILL_S: Final = 15.0
"""Workers that count nothing for longer while events wait do nothing: what a dead one held was taken over by then."""
NEWEST: Final = 50
RECEIVER_OFF: Final = "remote write receiver needs to be enabled"
REFUSED: Final = re.compile(r"out of order sample|out of bounds|too old|too far in the future|duplicate sample")
EXPORT_FAILS: Final = re.compile(
    r"[Ee]xport\w* (?:metrics|traces|batch|to).*(?:UNAVAILABLE|DEADLINE_EXCEEDED|UNAUTHENTICATED)"
)
PATHS: Final = (
    "OTEL_SDK_DISABLED", "OTEL_METRICS_EXPORTER", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
)  # fmt: skip
QUEUES: Final = ("LAB_REDIS_URL", "LAB_NAMESPACE")
COLLECTOR: Final = "otel-collector"
CAUSE: Final = "running-no-metrics"


class Silent(NamedTuple):
    """A pod that runs while its promised metric does not arrive."""

    pod: Pod
    metric: str


def prometheus_receives_nothing(snapshot: Snapshot) -> Iterator[Finding]:
    """Prometheus turns away what the collector sends, or is not there."""
    probe = snapshot.probes.prometheus
    log = [line for pod in _collectors(snapshot) for line in snapshot.log(pod)[-NEWEST:]]
    off = [line for line in log if RECEIVER_OFF in line]
    refused = [match[0] for line in log if (match := REFUSED.search(line))]
    url = probe.url if probe else "http://127.0.0.1:9090"
    host = urlsplit(url).hostname or url
    if probe is not None and not probe.reachable:
        title, found, why = f"nobody answers at {url}", probe.error, "Prometheus does not run, or runs elsewhere"
        do = remedies.on(host, "sudo systemctl restart prometheus")
    elif off or (probe is not None and probe.receives is False and _writes_remotely(snapshot)):
        title, found = "its remote-write receiver is off", off[-1] if off else f"{url}/api/v1/write answers 404"
        why = "the collector pushes, and Prometheus takes pushed samples only with --web.enable-remote-write-receiver"
        # systemd reads this file; a variable in it is not expanded.
        add = 's/^ARGS="/&--web.enable-remote-write-receiver /'
        do = remedies.on(host, f"sudo sed -i '{add}' /etc/default/prometheus && sudo systemctl restart prometheus")
    elif refused and not _arrives(snapshot):
        title, found = f"it refuses samples: {refused[-1]}", next(line for line in reversed(log) if refused[-1] in line)
        why, do = _cure_of_refusal(snapshot, refused[-1], host)
    else:
        return
    yield Finding(
        "prometheus-receives-nothing",
        f"Prometheus/{url}",
        f"Prometheus receives nothing: {title}",
        found=_cut(found),
        why=why,
        do=do,
        stops=("prometheus",),
        rests_on=("clock",) if refused and not off else (),
    )


def runs_without_metrics(snapshot: Snapshot) -> Iterator[Finding]:
    """A service runs and does not count, or its promised metric does not arrive; names the first hop that is silent."""
    idle = tuple(_idle(snapshot))
    yield from idle
    probe = snapshot.probes.prometheus
    if probe is None or next(prometheus_receives_nothing(snapshot), None):
        return
    silent, heard = _silent(snapshot, probe)
    hop = _hop(snapshot, silent, some_arrive=bool(heard))
    for workload, pods in by_workload(one.pod for one in silent).items():
        if workload in {one.object for one in idle}:
            continue
        metric = PROMISED[pods[0].service].prometheus_name
        why, do = _cure(snapshot, hop, pods[0], heard=heard, metric=metric)
        yield Finding(
            CAUSE,
            workload,
            f"{workload.rpartition('/')[2]} runs, no metric arrives: the first silent hop is {hop}",
            found=f"no sample of {metric} in the last {FIRST_EXPORT_S:.0f} s at {probe.url}; {_counts(snapshot)}",
            why=why,
            do=do,
            rests_on=("collector", *(pod.ref for pod in pods)),
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
            f"{workload.rpartition('/')[2]} runs, counts nothing: the first silent hop is consuming",
            found=f"{ledger.backlog:,} of {ledger.accepted:,} accepted events wait, and none was counted "
            f"in {ledger.still_s:.0f} s",
            why=why,
            do=do,
            rests_on=("store", *(pod.ref for pod in pods)),
        )


def _silent(snapshot: Snapshot, probe: PrometheusProbe) -> tuple[tuple[Silent, ...], tuple[Pod, ...]]:
    """Pods whose promised metric is missing or old, and those whose metric arrives."""
    instances = {one.pod: one.instance for one in snapshot.probes.processes if one.instance}
    fresh = {(one.metric, one.instance) for one in probe.samples if snapshot.taken_at - one.at <= FIRST_EXPORT_S}
    silent, heard = [], []
    for service, signal in PROMISED.items():
        for pod in _well(snapshot, service):
            metric, instance = signal.prometheus_name, instances.get(pod.name, "")
            arrives = any(one == metric and instance in {"", of} for one, of in fresh)
            heard.append(pod) if arrives else silent.append(Silent(pod, metric))
    return tuple(silent), tuple(heard)


def _hop(snapshot: Snapshot, silent: tuple[Silent, ...], *, some_arrive: bool) -> str:
    """The first hop between the process and the query that passes nothing on."""
    collector = snapshot.probes.collector
    fails = any(EXPORT_FAILS.search(line) for one in silent for line in snapshot.log(one.pod)[-NEWEST:])
    if some_arrive or collector is None or not collector.received:
        return "the collector" if fails else "exporting"
    if collector.failed:
        return "remote write"
    return "the query" if collector.sent else "the collector"


def _cure(snapshot: Snapshot, hop: str, pod: Pod, *, heard: tuple[Pod, ...], metric: str) -> tuple[str, str]:
    if hop == "exporting":
        return _difference(snapshot, pod, heard, PATHS) or (
            "the process was told to export nothing, or its exporter is stuck",
            remedies.restart(snapshot.namespace, pod.workload),
        )
    if hop in {"the collector", "remote write"}:
        why = (
            "it takes nothing from this process, or no pipeline of it leads to Prometheus"
            if hop == "the collector"
            else "the collector takes points and cannot deliver them where it was told to; the lab reaches Prometheus"
        )
        collector = next(iter(by_workload(_collectors(snapshot))), f"Deployment/{COLLECTOR}")
        return why, f"{remedies.up(snapshot.namespace)} && {remedies.restart(snapshot.namespace, collector)}"
    url = snapshot.probes.prometheus.url if snapshot.probes.prometheus else ""
    prefix = metric.partition("_")[0]
    why = "points were delivered, but not under this name, or to another Prometheus than the one that is asked"
    query = f'count by (__name__, job) ({{__name__=~"{prefix}_.*"}})'
    return why, f"curl -sG {url}/api/v1/query --data-urlencode 'query={query}'"


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


def _cure_of_refusal(snapshot: Snapshot, refusal: str, host: str) -> tuple[str, str]:
    if "order" in refusal or "duplicate" in refusal:
        collectors = by_workload(_collectors(snapshot))
        crowd = next((name for name, pods in collectors.items() if len(pods) > 1), "")
        if crowd:
            why = f"{len(collectors[crowd])} collectors write the same series, each behind the other"
            return why, remedies.kubectl(snapshot.namespace, "scale", crowd.lower(), "--replicas=1")
        window = "storage: {tsdb: {out_of_order_time_window: 30m}}"
        save = "sudo tee -a /etc/prometheus/prometheus.yml >/dev/null && sudo systemctl restart prometheus"
        why = "the same series was written with a later time before"
        return why, f"echo '{window}' | {remedies.on(host, save)}"
    why = "the samples' time is far from that of Prometheus: a clock is wrong, or a queue was full for hours"
    return why, remedies.on(host, remedies.SET_CLOCK)


def _well(snapshot: Snapshot, service: str) -> tuple[Pod, ...]:
    """Pods of a service that run and are ready for long enough to be heard of."""
    return tuple(
        pod
        for pod in snapshot.pods
        if pod.service == service
        and pod.containers
        and all(one.is_ready and snapshot.age_s(one.running_since) > FIRST_EXPORT_S for one in pod.containers)
    )


def _arrives(snapshot: Snapshot) -> bool:
    probe = snapshot.probes.prometheus
    return probe is not None and any(snapshot.taken_at - one.at <= FIRST_EXPORT_S for one in probe.samples)


def _collectors(snapshot: Snapshot) -> tuple[Pod, ...]:
    return tuple(pod for pod in snapshot.pods if pod.service == COLLECTOR)


def _writes_remotely(snapshot: Snapshot) -> bool:
    texts = (text for one in snapshot.objects.config_maps for text in (one.get("data") or {}).values())
    return any(re.search(r"prometheus_?remote_?write", text) for text in texts)


def _counts(snapshot: Snapshot) -> str:
    seen = snapshot.probes.collector
    if seen is None:
        return "the collector was not asked"
    return f"the collector took {seen.received:,} points, passed on {seen.sent:,}, could not pass on {seen.failed:,}"


def _cut(text: str) -> str:
    """The error in a line of the collector's log, which carries its whole resource along."""
    found = re.search(r'"error": "((?:[^"\\]|\\.)*)"', text)
    return found[1].replace("\\n", "").strip() if found else text.strip()
