"""Prometheus itself: it cannot be asked, takes nothing, or is not there."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from lab.diagnosis import remedies
from lab.diagnosis.finding import Finding
from lab.diagnosis.rules.servers import UNTRUSTED, is_inside, look_into, pods_of
from lab.snapshots.kubernetes import Pod, seconds
from lab.snapshots.probes import PrometheusProbe
from lab.snapshots.snapshot import Snapshot, by_workload

FRESH_S: Final = 60.0
"""How old the newest sample of a metric may be."""
NEWEST: Final = 50
RECEIVER_OFF: Final = "remote write receiver needs to be enabled"
REFUSED: Final = re.compile(r"out of order sample|out of bounds|too old|too far in the future|duplicate sample")
REMOTE_WRITE: Final = re.compile(r"prometheus_?remote_?write")
WAITS: Final = re.compile(r"(?m)^\s+prometheus:\s*\n\s+endpoint:")
"""An exporter of a collector's configuration that is scraped."""
WRITTEN_TO: Final = re.compile(r"(?P<url>https?://[^\s/\"'{}]+)/api/v1/write")
DENIED: Final = re.compile(r"\b40[13]\b|(?i:unauthori[sz]ed|forbidden)")
AUTHORIZATION: Final = '"${LAB_PROMETHEUS_AUTHORIZATION_FILE:?names no file}"'
COLLECTOR: Final = "otel-collector"
SERVICE: Final = "prometheus"


class Server(NamedTuple):
    """The metrics server: its URL, its host; both are empty where nothing names it."""

    url: str
    host: str
    inside: bool


class Cure(NamedTuple):
    """What is wrong in a few words, the evidence, how it came about, the next step."""

    title: str
    found: str
    why: str
    do: str


def prometheus_is_not_asked(snapshot: Snapshot) -> Iterator[Finding]:
    """The lab cannot ask it, so that nobody knows which metrics arrive."""
    probe = snapshot.probes.prometheus
    if probe is None or probe.reachable is False or probe.samples is not None:
        return
    if not probe.error or probe.receives is False:
        return
    why, do = _cure_of_silence(snapshot, probe)
    yield Finding(
        "prometheus-not-asked",
        f"Prometheus/{probe.url}",
        f"the lab cannot ask Prometheus {probe.url}; whether metrics arrive is not known",
        found=probe.error,
        why=why,
        do=do,
        rests_on=pods_of(snapshot, SERVICE) if probe.inside else (),
    )


def prometheus_receives_nothing(snapshot: Snapshot) -> Iterator[Finding]:
    """Prometheus turns away what the collector sends, or is not there."""
    probe, server = snapshot.probes.prometheus, server_of(snapshot)
    log = [line for pod in collectors(snapshot) for line in snapshot.log(pod)[-NEWEST:]]
    silent = not arrives(snapshot)
    # A receiver that takes a write now was turned on since the collector said so.
    off = [line for line in log if RECEIVER_OFF in line and silent and (probe is None or probe.receives is not True)]
    # What it refused earlier was put right since, or is of another server than the one that is asked now.
    refused = [line for line in log if REFUSED.search(line) and age_s(snapshot, line) <= FRESH_S]
    if probe is not None and probe.reachable is False:
        why = "Prometheus does not run, or runs elsewhere"
        do = _on(snapshot, server, "sudo systemctl restart prometheus")
        cure = Cure(f"nobody answers at {server.url}", probe.error, why, do)
    elif off or (probe is not None and probe.receives is False and _writes_remotely(snapshot)):
        cure = _cure_of_deafness(snapshot, server, off[-1] if off else f"{server.url}/api/v1/write answers 404")
    elif refused and silent:
        cure = _cure_of_refusal(snapshot, server, refused[-1])
    else:
        return
    yield Finding(
        "prometheus-receives-nothing",
        f"Prometheus/{server.url or 'unknown'}",
        f"Prometheus receives nothing: {cure.title}",
        found=_cut(cure.found),
        why=cure.why,
        do=cure.do,
        stops=("prometheus",),
        rests_on=(
            *(("clock",) if refused and not off else ()),
            *(pods_of(snapshot, SERVICE) if server.inside else ()),
        ),
    )


def server_of(snapshot: Snapshot) -> Server:
    """The metrics server that was asked; where none was, the one that the collector writes to."""
    probe = snapshot.probes.prometheus
    url = probe.url if probe else written_to(snapshot)
    host = urlsplit(url).hostname or ""
    return Server(url, host, (probe is not None and probe.inside) or is_inside(snapshot, SERVICE, host))


def written_to(snapshot: Snapshot) -> str:
    """URL of the metrics server that the collector writes to; empty where its configuration names none."""
    return next((found["url"] for text in _configuration(snapshot) if (found := WRITTEN_TO.search(text))), "")


def arrives(snapshot: Snapshot) -> bool:
    """Whether any promised metric has a fresh sample."""
    probe = snapshot.probes.prometheus
    return probe is not None and any(snapshot.taken_at - one.at <= FRESH_S for one in probe.samples or ())


def age_s(snapshot: Snapshot, line: str) -> float:
    """Seconds since a line of the collector's log was written; 0 where it does not say when."""
    try:
        return snapshot.taken_at - seconds(line.partition("\t")[0])
    except ValueError:
        return 0.0


def collectors(snapshot: Snapshot) -> tuple[Pod, ...]:
    """The pods of the collector."""
    return tuple(pod for pod in snapshot.pods if pod.service == COLLECTOR)


def is_scraped(snapshot: Snapshot) -> bool:
    """Whether the collector waits to be scraped, in place of writing, by its configuration."""
    return not _writes_remotely(snapshot) and any(WAITS.search(text) for text in _configuration(snapshot))


def _cure_of_silence(snapshot: Snapshot, probe: PrometheusProbe) -> tuple[str, str]:
    """Why a server gives the lab no answer, by what it or the settings say."""
    if probe.inside:
        return "the lab asks it through a port-forward; pods may reach it all the same", look_into(snapshot, SERVICE)
    if probe.reachable is None:
        return "a setting of the lab names what cannot be used; the server itself was not asked", "lab config show"
    if DENIED.search(probe.error):
        why = "it wants an Authorization that LAB_PROMETHEUS_AUTHORIZATION_FILE does not name, or another one"
        ask = remedies.ask_into(AUTHORIZATION, "Authorization of Prometheus, as its header has it")
        return why, f"{ask} && {remedies.up(snapshot.namespace)}"
    if UNTRUSTED.search(probe.error):
        parts = urlsplit(probe.url)
        why = "LAB_PROMETHEUS_CA_FILE has to name the CA that signed its certificate, for the name it is asked by"
        return why, remedies.show_certificate(parts.hostname or "", parts.port or 443)
    return "it answers, and not as a Prometheus that is well does", f"curl -sS {probe.url}/-/ready"


def _cure_of_deafness(snapshot: Snapshot, server: Server, found: str) -> Cure:
    """How its receiver is turned on."""
    why = "the collector pushes, and Prometheus takes pushed samples only with --web.enable-remote-write-receiver"
    # systemd reads this file; a variable in it is not expanded.
    add = 's/^ARGS="/&--web.enable-remote-write-receiver /'
    command = f"sudo sed -i '{add}' /etc/default/prometheus && sudo systemctl restart prometheus"
    # Inside, the flag is one of the arguments that the lab applies.
    do = remedies.up(snapshot.namespace) if server.inside else _on(snapshot, server, command)
    return Cure("its remote-write receiver is off", found, why, do)


def _cure_of_refusal(snapshot: Snapshot, server: Server, line: str) -> Cure:
    """What helps against samples that it does not take."""
    found = REFUSED.search(line)
    refusal = found[0] if found else line
    title = f"it refuses samples: {refusal}"
    if "order" not in refusal and "duplicate" not in refusal:
        why = "the samples' time is far from that of Prometheus: a clock is wrong, or a queue was full for hours"
        return Cure(title, line, why, _on(snapshot, server, remedies.SET_CLOCK, of_machine=True))
    writing = by_workload(collectors(snapshot))
    crowd = next((name for name, pods in writing.items() if len(pods) > 1), "")
    if crowd:
        why = f"{len(writing[crowd])} collectors write the same series, each behind the other"
        return Cure(title, line, why, remedies.kubectl(snapshot.namespace, "scale", crowd.lower(), "--replicas=1"))
    why = "the same series was written with a later time before"
    window = "storage: {tsdb: {out_of_order_time_window: 30m}}"
    save = "sudo tee -a /etc/prometheus/prometheus.yml >/dev/null && sudo systemctl restart prometheus"
    step = _on(snapshot, server, save)
    return Cure(title, line, why, f"echo '{window}' | {step}" if step.startswith("ssh ") else step)


def _on(snapshot: Snapshot, server: Server, command: str, *, of_machine: bool = False) -> str:
    """A command on the server's machine; inside the cluster that is its node, or what helps a pod."""
    if server.inside:
        node = next((pod.node for pod in snapshot.pods if pod.service == SERVICE and pod.node), "")
        return remedies.on(node, command) if of_machine and node else look_into(snapshot, SERVICE)
    if server.host:
        return remedies.on(server.host, command)
    return remedies.kubectl(snapshot.namespace, "logs", f"deployment/{COLLECTOR}", "--tail=50")


def _configuration(snapshot: Snapshot) -> Iterator[str]:
    return (text for one in snapshot.objects.config_maps for text in (one.get("data") or {}).values())


def _writes_remotely(snapshot: Snapshot) -> bool:
    return any(REMOTE_WRITE.search(text) for text in _configuration(snapshot))


def _cut(text: str) -> str:
    """The error in a line of the collector's log, which carries its whole resource along."""
    found = re.search(r'"error": "((?:[^"\\]|\\.)*)"', text)
    return found[1].replace("\\n", "").strip() if found else text.strip()
