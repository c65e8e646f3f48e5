"""What the snapshot tells of the way from the collector to the metrics server."""

import re
from collections.abc import Iterator
from typing import Final

from lab.snapshots.kubernetes import Pod, seconds
from lab.snapshots.snapshot import Snapshot, by_workload

COLLECTOR: Final = "otel-collector"
NEWEST: Final = 50
"""Lines at the end of a log."""
REMOTE_WRITE: Final = re.compile(r"prometheus_?remote_?write")
SCRAPED: Final = re.compile(r"(?m)^\s+prometheus:\s*\n\s+endpoint:")
"""The exporter of a collector that is scraped."""
WRITTEN_TO: Final = re.compile(r"(?P<url>https?://[^\s/\"'{}]+)/api/v1/write")


def collector_pods(snapshot: Snapshot) -> tuple[Pod, ...]:
    """Return the pods of the collector."""
    return tuple(pod for pod in snapshot.pods if pod.service == COLLECTOR)


def collector_workload(snapshot: Snapshot) -> str:
    """Return the workload of the collector's pods, as kind/name."""
    return next(iter(by_workload(collector_pods(snapshot))), f"Deployment/{COLLECTOR}")


def collector_log(snapshot: Snapshot) -> list[str]:
    """Return the newest lines of the collector's log."""
    return [line for pod in collector_pods(snapshot) for line in snapshot.log(pod)[-NEWEST:]]


def age_s(snapshot: Snapshot, line: str) -> float:
    """Return seconds since a line of the collector's log was written; 0 where the line bears no time."""
    try:
        return snapshot.taken_at - seconds(line.partition("\t")[0])
    except ValueError:
        return 0.0


def written_to(snapshot: Snapshot) -> str:
    """Return the URL that the collector writes to; empty where its configuration names none."""
    return next((match["url"] for text in _configuration(snapshot) if (match := WRITTEN_TO.search(text))), "")


def is_pushed(snapshot: Snapshot) -> bool:
    """Return whether the collector writes to the metrics server, by its configuration."""
    return snapshot.will_push or any(REMOTE_WRITE.search(text) for text in _configuration(snapshot))


def is_scraped(snapshot: Snapshot) -> bool:
    """Return whether the collector is scraped and does not write, by its configuration."""
    return not is_pushed(snapshot) and any(SCRAPED.search(text) for text in _configuration(snapshot))


def _configuration(snapshot: Snapshot) -> Iterator[str]:
    return (text for config_map in snapshot.objects.config_maps for text in (config_map.get("data") or {}).values())
