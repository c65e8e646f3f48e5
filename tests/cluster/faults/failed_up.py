"""Runs `lab up` for a stack that cannot come up, then `lab down`."""

import time
from typing import TYPE_CHECKING, Final, NamedTuple

from tests.cluster.builder import checked_out
from tests.cluster.faults.machines import settings_here
from tests.cluster.faults.place import Common, Place
from tests.cluster.stack import objects

if TYPE_CHECKING:
    import subprocess

NOWHERE: Final = "sha256:" + "0" * 64


class FailedUp(NamedTuple):
    """The outcome of both commands.

    Attributes:
        up: The result of `lab up`.
        seconds: Seconds that `lab up` took.
        down: The result of `lab down`.
        left: Names of the stack's objects after `lab down`.
    """

    up: "subprocess.CompletedProcess[str]"
    seconds: float
    down: "subprocess.CompletedProcess[str]"
    left: list[str]


def fail_up(common: Common) -> FailedUp:
    """Bring up a stack whose collector's image does not exist; the stack has its own database."""
    place = Place(common, "up")
    collector = f"{common.collector.partition('@')[0]}@{NOWHERE}"
    settings = settings_here() | {
        "LAB_NAMESPACE": place.namespace,
        "LAB_ARCHITECTURES": "amd64",
        "LAB_COLLECTOR_IMAGE": collector,
        "LAB_REDIS_URL": f"redis://{common.rig.host}:6379/1",
        "LAB_STATE_DIR": str(place.folder / "state"),
    }
    checkout = checked_out(place.folder / "checkout")
    with place.until:
        place.open()
        started = time.monotonic()
        up = common.machines.paste("lab up --target kubernetes", checkout, settings)
        seconds = time.monotonic() - started
        down = common.machines.paste("lab down --target kubernetes", checkout, settings)
        left = [body["metadata"]["name"] for body in objects(place.kubectl, place.namespace)]
        return FailedUp(up, seconds, down, left)
