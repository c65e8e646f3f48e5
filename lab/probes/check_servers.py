"""Checks of store and metrics server, from where the lab is."""

from typing import Final

from lab.diagnosis.remedies import redis_cli
from lab.errors import LabError
from lab.probes.check import Check
from lab.probes.metrics_server import PrometheusLook, look_at_prometheus
from lab.probes.store import StoreLook, look_at_store
from lab.settings import LabSettings
from lab.targets.kubernetes.rendering.from_settings import SCRAPED

OLDEST: Final = (7, 0)
"""The first Redis with functions."""
RECEIVER: Final = "--web.enable-remote-write-receiver"


def check_store(settings: LabSettings) -> Check:
    """Whether the store can hold the ledger."""
    url = settings.redis_url
    if not url:
        return _inside("redis", settings.redis_image, "export LAB_REDIS_URL=redis://host:6379/0")
    try:
        seen = look_at_store(url, settings.redis_password_file, settings.redis_ca_file)
    except LabError as error:
        return Check("redis", good=False, found=f"{error.attempted}: {error.found}", next_step=error.next_step)
    return judge_store(seen)


def judge_store(seen: StoreLook) -> Check:
    """What is wrong with a store that was looked at, the worst first."""
    probe, client = seen.probe, redis_cli(seen.probe)
    if not probe.reachable:
        step = f"{client} ping      (start it, or name another: LAB_REDIS_URL=redis://host:6379/0)"
        return Check("redis", good=False, found=f"{probe.address}: {probe.error}", next_step=step)
    if probe.authenticated is False:
        step = "export LAB_REDIS_PASSWORD_FILE=/path/to/file      (that holds its password)"
        return Check("redis", good=False, found=f"{probe.address} does not let us in: {probe.error}", next_step=step)
    if probe.error:
        step = f"{client} ping"
        return Check("redis", good=False, found=f"{probe.address}: {probe.error}", next_step=step)
    shown = f"{seen.kind} {seen.version} at {probe.address}, {probe.policy or 'policy unknown'}, {probe.durability}"
    if _numbers(seen.speaks) < OLDEST:
        return Check("redis", good=False, found=f"{shown}; functions need ≥ 7.0", next_step="install redis ≥ 7.0")
    settle = []
    if probe.policy not in {"", "noeviction"}:
        settle.append("maxmemory-policy noeviction")
    if probe.durability in {"window", "volatile"}:
        settle += ["appendonly yes", "appendfsync always"]
    step = " && ".join(f"{client} config set {one}" for one in settle)
    return Check("redis", not settle, shown, step)


def check_prometheus(settings: LabSettings) -> Check:
    """Whether the metrics server answers, and takes what the collector writes."""
    url = settings.prometheus_url
    if not url:
        return _inside("prometheus", settings.prometheus_image, "export LAB_PROMETHEUS_URL=http://host:9090")
    try:
        seen = look_at_prometheus(
            url, authorization_file=settings.prometheus_authorization_file, ca_file=settings.prometheus_ca_file
        )
    except LabError as error:
        return Check("prometheus", good=False, found=f"{error.attempted}: {error.found}", next_step=error.next_step)
    return judge_prometheus(seen, settings.remote_write_url)


def judge_prometheus(seen: PrometheusLook, remote_write_url: str) -> Check:
    """What is wrong with a metrics server that was looked at, given where the collector writes."""
    probe = seen.probe
    shown = f"{seen.version or 'a server'} at {probe.url}"
    if not probe.reachable:
        step = f"curl {probe.url}/-/ready      (start it, or name another: LAB_PROMETHEUS_URL=http://host:9090)"
        return Check("prometheus", good=False, found=f"{probe.url}: {probe.error}", next_step=step)
    if remote_write_url == SCRAPED:
        how = "let it scrape the collector with honor_labels: true (manifests/README.md)"
        return Check("prometheus", good=True, found=f"{shown}; {how}")
    if remote_write_url:
        return Check("prometheus", good=True, found=f"{shown}; the collector writes to {remote_write_url}, not asked")
    if probe.receives:
        return Check("prometheus", good=True, found=f"{shown}, remote-write receiver on")
    if probe.receives is False:
        step = (
            f"prometheus {RECEIVER} …      (start it with this flag; or LAB_REMOTE_WRITE_URL=none, and let it scrape)"
        )
        return Check("prometheus", good=False, found=f"{shown}: its remote-write receiver is off", next_step=step)
    step = "export LAB_PROMETHEUS_AUTHORIZATION_FILE=/path/to/file      (that holds: Bearer …)"
    if not probe.error.startswith(("401", "403")):
        step = f"curl {probe.url}/-/ready"
    return Check("prometheus", good=False, found=f"{shown}: {probe.error}", next_step=step)


def _inside(name: str, image: str, step: str) -> Check:
    if image:
        return Check(name, good=True, found="inside the cluster; lab up makes it")
    found = f"neither outside ({name}_url) nor inside ({name}_image)"
    return Check(name, good=False, found=found, next_step=step)


def _numbers(version: str) -> tuple[int, ...]:
    parts = version.split(".")[:2]
    return tuple(int(part) for part in parts) if all(part.isdigit() for part in parts) else (0, 0)
