"""Reads the collector's own metrics."""

import http.client
from collections.abc import Iterable
from contextlib import closing
from typing import Final

from lab.errors import Unavailable
from lab.targets.kubernetes.reaching.reach import Reach
from lab.targets.kubernetes.rollout.rows import Row

COLLECTOR: Final = "otel-collector"
PORT: Final = 8888
"""Port of the collector's own metrics; only its own pod and a port-forward reach it."""
PAGE_S: Final = 5.0


def collector_page(reach: Reach, rows: Iterable[Row]) -> str:
    """Return the collector's own metrics in Prometheus' text format; empty where no collector is ready.

    Raises:
        Unavailable: A collector is ready, and its metrics cannot be read.
    """
    pods = [f"pod/{pod.name}" for row in rows if row.service == COLLECTOR for pod in row.pods if pod.ready]
    if not pods:
        return ""
    try:
        with (
            reach.temporary_port(pods[0], PORT) as address,
            closing(http.client.HTTPConnection(address, timeout=PAGE_S)) as connection,
        ):
            connection.request("GET", "/metrics")
            response = connection.getresponse()
            page = response.read().decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        raise _unreadable(pods[0], str(error) or type(error).__name__) from error
    if response.status != http.client.OK:
        raise _unreadable(pods[0], f"{response.status} {response.reason}")
    return page


def _unreadable(pod: str, cause: str) -> Unavailable:
    return Unavailable(
        "cannot read the collector's own metrics",
        found=f"{pod}: {cause}",
        next_step=f"lab logs {pod.removeprefix('pod/')} --target kubernetes",
    )
