"""How long a service may take to end, by the drain that its settings ask for."""

import math
from collections.abc import Mapping
from typing import Final

from lab.errors import BadConfig

DRAIN: Final = "LAB_DRAIN_SECONDS"
DRAIN_S: Final = "5"
"""The services' own default, and that of the manifests."""
LONGEST_DRAIN_S: Final = 60.0
END_S: Final = 5.0
"""After the drain work in hand is settled, the last counts are seen (3 s at most), and telemetry ends (2 s)."""
POD_S: Final = 10.0
"""More of a pod: callers notice (3 s, `preStop`), and a margin for a busy board."""


def process_grace_s(settings: Mapping[str, str]) -> float:
    """Seconds between signals 15 and 9 for a service on this machine.

    Raises:
        BadConfig: The drain is no number of seconds, or longer than a service allows.

    >>> process_grace_s({}), process_grace_s({"LAB_DRAIN_SECONDS": "60"})
    (10.0, 65.0)
    """
    said = settings.get(DRAIN, DRAIN_S)
    try:
        drain = float(said)
    except ValueError:
        drain = math.nan
    if not 0 <= drain <= LONGEST_DRAIN_S:
        raise BadConfig(
            f"{DRAIN} is not a number of seconds up to {LONGEST_DRAIN_S:g}",
            found=f'"{said}"',
            next_step=f"export {DRAIN}={DRAIN_S}",
        )
    return drain + END_S


def pod_grace_s(settings: Mapping[str, str]) -> int:
    """The same for its pod, as `terminationGracePeriodSeconds`.

    >>> pod_grace_s({}), pod_grace_s({"LAB_DRAIN_SECONDS": "7.5"})
    (20, 23)
    """
    return math.ceil(process_grace_s(settings) + POD_S)
