"""A stack that is well, under load: nothing is found wrong with it, at any of many looks."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import pytest

import lab
from lab.diagnosis.diagnose import diagnose
from lab.load.port import PlayOrder
from lab.model import Played
from lab.settings import load_settings
from lab.targets.cluster.deployment import ClusterDeployment
from lab.wiring import load_generator, snapshot_source
from tests.cluster.rig.settings import ClusterSettings

if TYPE_CHECKING:
    from lab.diagnosis.finding import Finding

RATE: Final = 500.0
LOOK_EVERY_S: Final = 10.0
SECONDS: Final = ClusterSettings().soak_seconds

pytestmark = pytest.mark.timeout(SECONDS + 600)


def test_nothing_is_found_wrong_with_a_stack_that_is_well(stack: ClusterDeployment) -> None:
    """Looks every ten seconds, beside the load, of which every event is acknowledged."""
    found: list[Finding] = []
    with under_load(stack) as played:
        end, pause = time.monotonic() + SECONDS, threading.Event()
        while time.monotonic() < end:
            found += diagnose(snapshot_source(load_settings()).take())
            pause.wait(LOOK_EVERY_S)
    assert found == []
    [load] = played
    assert load.account.acknowledged == load.account.intended >= RATE * SECONDS * 0.99


@contextmanager
def under_load(stack: ClusterDeployment) -> Iterator[list[Played]]:
    """A load that lasts as long as the test looks; what came of it is in the list afterwards."""
    generator, played = load_generator(stack.endpoints), list[Played]()
    order = PlayOrder("test-soak", lab.load("synthetic", rate=RATE), SECONDS)
    player = threading.Thread(target=lambda: played.append(generator.play(order, lambda _: None)), name="load")
    player.start()
    try:
        yield played
    finally:
        player.join()
