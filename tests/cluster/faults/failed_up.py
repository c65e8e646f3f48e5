"""`lab up` of a stack that cannot come up, and `lab down` after it, as a person types them."""

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
    """What a person saw.

    Attributes:
        up: What `lab up` said.
        seconds: How long it took.
        down: What `lab down` said then.
        left: Objects of the stack after it.
    """

    up: "subprocess.CompletedProcess[str]"
    seconds: float
    down: "subprocess.CompletedProcess[str]"
    left: list[str]


def fail_up(common: Common) -> FailedUp:
    """Bring up a stack whose collector's image nobody has pushed; what it counts goes into a database of its own."""
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
        begun = time.monotonic()
        up = common.machines.paste("lab up --target kubernetes", checkout, settings)
        seconds = time.monotonic() - begun
        down = common.machines.paste("lab down --target kubernetes", checkout, settings)
        left = [one["metadata"]["name"] for one in objects(place.kubectl, place.namespace)]
        return FailedUp(up, seconds, down, left)
