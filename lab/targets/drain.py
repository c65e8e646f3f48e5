"""Computes the time that a service may take to end, from the drain in its settings."""

import math
from collections.abc import Mapping
from typing import Final

from lab.errors import BadConfig

DRAIN: Final = "LAB_DRAIN_SECONDS"
DRAIN_S: Final = "5"
"""The default of the services and of the manifests."""
LONGEST_DRAIN_S: Final = 60.0
END_S: Final = 5.0
"""After the drain: commit work in hand, wait for the last scrape (3 s at most), shut telemetry down (2 s)."""
POD_S: Final = 10.0
"""In addition for a pod: `preStop`, in which callers notice (3 s), and a margin for a busy node."""


def process_grace_s(settings: Mapping[str, str]) -> float:
    """Return the seconds between signals 15 and 9 for a service on this machine.

    Raises:
        BadConfig: The drain is not a number of seconds, or is longer than a service allows.

    >>> process_grace_s({}), process_grace_s({"LAB_DRAIN_SECONDS": "60"})
    (10.0, 65.0)
    """
    text = settings.get(DRAIN, DRAIN_S)
    try:
        drain = float(text)
    except ValueError:
        drain = math.nan
    if not 0 <= drain <= LONGEST_DRAIN_S:
        raise BadConfig(
            f"{DRAIN} is not a number of seconds up to {LONGEST_DRAIN_S:g}",
            found=f'"{text}"',
            next_step=f"export {DRAIN}={DRAIN_S}",
        )
    return drain + END_S


def pod_grace_s(settings: Mapping[str, str]) -> int:
    """Return the `terminationGracePeriodSeconds` of the service's pod.

    >>> pod_grace_s({}), pod_grace_s({"LAB_DRAIN_SECONDS": "7.5"})
    (20, 23)
    """
    return math.ceil(process_grace_s(settings) + POD_S)
