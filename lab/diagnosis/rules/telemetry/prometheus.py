"""Prometheus: it cannot be asked, does not answer, or accepts no samples."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from lab.diagnosis import remedies
from lab.diagnosis.finding import Cure, Finding
from lab.diagnosis.rules.servers.reaching import UNTRUSTED, is_inside, look_into, pods_of
from lab.diagnosis.rules.telemetry.delivery import DeliveryFailure, delivery_failure
from lab.diagnosis.rules.telemetry.pipeline import COLLECTOR, collector_pods, written_to
from lab.snapshots.answers import PrometheusProbe
from lab.snapshots.snapshot import Snapshot, by_workload

ERROR: Final = re.compile(r'"error": "(?P<text>(?:[^"\\]|\\.)*)"')
DENIED: Final = re.compile(r"\b40[13]\b|(?i:unauthori[sz]ed|forbidden)")
AUTHORIZATION: Final = '"${LAB_PROMETHEUS_AUTHORIZATION_FILE:?names no file}"'
SERVICE: Final = "prometheus"


class Server(NamedTuple):
    """The metrics server: its URL, its host, whether it runs in the namespace. URL and host are empty if unknown."""

    url: str
    host: str
    inside: bool


def prometheus_is_not_asked(snapshot: Snapshot) -> Iterator[Finding]:
    """The lab cannot ask Prometheus, so that it is unknown which metrics arrive."""
    probe = snapshot.probes.prometheus
    if probe is None or probe.reachable is False or probe.samples is not None:
        return
    if not probe.error or probe.receives is False:
        return
    why, do = _cure_of_error(snapshot, probe)
    yield Finding(
        cause="prometheus-not-asked",
        object=f"Prometheus/{probe.url}",
        title=f"the lab cannot ask Prometheus {probe.url} whether metrics arrive",
        found=probe.error,
        why=why,
        do=do,
        rests_on=pods_of(snapshot, SERVICE) if probe.inside else (),
    )


def prometheus_receives_nothing(snapshot: Snapshot) -> Iterator[Finding]:
    """Prometheus refuses what the collector sends, or does not answer."""
    failure = delivery_failure(snapshot)
    if failure is None:
        return
    server = _server(snapshot)
    why, do = _cure_of_failure(snapshot, server, failure)
    yield Finding(
        cause="prometheus-receives-nothing",
        object=f"Prometheus/{server.url or 'unknown'}",
        title=f"Prometheus receives nothing: {_title(server, failure)}",
        found=_error(failure.evidence),
        why=why,
        do=do,
        stops=("prometheus",),
        rests_on=(*failure.rests_on, *(pods_of(snapshot, SERVICE) if server.inside else ())),
    )


def _server(snapshot: Snapshot) -> Server:
    """Return the metrics server that was probed, else the one that the collector writes to."""
    probe = snapshot.probes.prometheus
    url = probe.url if probe else written_to(snapshot)
    host = urlsplit(url).hostname or ""
    return Server(url, host, (probe is not None and probe.inside) or is_inside(snapshot, SERVICE, host))


def _cure_of_error(snapshot: Snapshot, probe: PrometheusProbe) -> Cure:
    """Return why a server cannot be asked, and what to do, by its error or that of the settings."""
    if probe.inside:
        return Cure("the lab asks it through a port-forward; pods may still reach it", look_into(snapshot, SERVICE))
    if probe.reachable is None:
        return Cure("a setting of the lab cannot be used; the server itself was not asked", "lab config show")
    if DENIED.search(probe.error):
        why = "it requires an Authorization header, and LAB_PROMETHEUS_AUTHORIZATION_FILE names none or a wrong one"
        ask = remedies.ask_into(AUTHORIZATION, "Authorization of Prometheus, as its header has it")
        return Cure(why, f"{ask} && {remedies.up(snapshot.namespace)}")
    if UNTRUSTED.search(probe.error):
        parts = urlsplit(probe.url)
        why = "LAB_PROMETHEUS_CA_FILE must name the CA that signed its certificate, which must be for this host name"
        return Cure(why, remedies.show_certificate(parts.hostname or "", parts.port or 443))
    return Cure("it answers, but not as a healthy Prometheus does", f"curl -sS {probe.url}/-/ready")


def _title(server: Server, failure: DeliveryFailure) -> str:
    """Return a failure in a few words."""
    if failure.kind == "no-answer":
        return f"{server.url} does not answer"
    if failure.kind == "receiver-off":
        return "its remote-write receiver is off"
    return f"it refuses samples: {failure.refusal}"


def _cure_of_failure(snapshot: Snapshot, server: Server, failure: DeliveryFailure) -> Cure:
    if failure.kind == "receiver-off":
        return _cure_of_receiver(snapshot, server)
    if failure.kind == "samples-refused":
        return _cure_of_refusal(snapshot, server, failure.refusal)
    is_own = snapshot.program(SERVICE) is not None
    do = "lab down && lab up" if is_own else _on(snapshot, server, "sudo systemctl restart prometheus")
    return Cure("Prometheus does not run, or runs elsewhere", do)


def _cure_of_receiver(snapshot: Snapshot, server: Server) -> Cure:
    why = "the collector pushes samples, and Prometheus accepts them only with --web.enable-remote-write-receiver"
    # systemd reads this file; a variable in it is not expanded.
    add = 's/^ARGS="/&--web.enable-remote-write-receiver /'
    command = f"sudo sed -i '{add}' /etc/default/prometheus && sudo systemctl restart prometheus"
    # Inside, the flag is one of the arguments that the lab applies.
    return Cure(why, remedies.up(snapshot.namespace) if server.inside else _on(snapshot, server, command))


def _cure_of_refusal(snapshot: Snapshot, server: Server, refusal: str) -> Cure:
    """Return why samples are refused, and the command that sets a clock, stops a collector or admits late samples."""
    if "order" not in refusal and "duplicate" not in refusal:
        why = "the samples' time is far from that of Prometheus: a clock is wrong, or a queue was full for hours"
        return Cure(why, _on(snapshot, server, remedies.SET_CLOCK, of_machine=True))
    for workload, pods in by_workload(collector_pods(snapshot)).items():
        if len(pods) > 1:
            why = f"{len(pods)} collectors write the same series, so that their samples arrive out of order"
            return Cure(why, remedies.kubectl(snapshot.namespace, "scale", workload.lower(), "--replicas=1"))
    window = "storage: {tsdb: {out_of_order_time_window: 30m}}"
    append = "sudo tee -a /etc/prometheus/prometheus.yml >/dev/null && sudo systemctl restart prometheus"
    step = _on(snapshot, server, append)
    why = "the same series already has a sample with a later time"
    return Cure(why, f"echo '{window}' | {step}" if step.startswith("ssh ") else step)


def _on(snapshot: Snapshot, server: Server, command: str, *, of_machine: bool = False) -> str:
    """Return the call that runs a command on the server's machine.

    Inside the cluster that machine is a node: a command that is not *of_machine* is replaced by a step for the pod.
    """
    if server.inside:
        node = next((pod.node for pod in snapshot.pods if pod.service == SERVICE and pod.node), "")
        return remedies.on(node, command) if of_machine and node else look_into(snapshot, SERVICE)
    if server.host:
        return remedies.on(server.host, command)
    return remedies.kubectl(snapshot.namespace, "logs", f"deployment/{COLLECTOR}", "--tail=50")


def _error(evidence: str) -> str:
    """Return the error in a line of the collector's log, which repeats its whole resource."""
    match = ERROR.search(evidence)
    return match["text"].replace("\\n", "").strip() if match else evidence.strip()
