"""Reads the collector's own metrics."""

import http.client
from collections.abc import Iterable
from contextlib import closing
from typing import Final

from lab.errors import LabError
from lab.targets.kubernetes.reaching.reach import Reach
from lab.targets.kubernetes.rollout.rows import Row

COLLECTOR: Final = "otel-collector"
PORT: Final = 8888
"""Port of the collector's own metrics; only its own pod and a port-forward reach it."""
PAGE_S: Final = 5.0


def collector_page(reach: Reach, rows: Iterable[Row]) -> str:
    """Return the collector's own metrics in Prometheus' text format; empty where they cannot be read."""
    pods = [f"pod/{pod.name}" for row in rows if row.service == COLLECTOR for pod in row.pods if pod.ready]
    if not pods:
        return ""
    try:
        with (
            reach.once(pods[0], PORT) as address,
            closing(http.client.HTTPConnection(address, timeout=PAGE_S)) as connection,
        ):
            connection.request("GET", "/metrics")
            return connection.getresponse().read().decode()
    except (LabError, OSError, http.client.HTTPException):
        return ""
