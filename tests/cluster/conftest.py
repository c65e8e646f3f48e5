"""The rig, once for all tests of the cluster, where this machine can have one."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from lab.errors import Unavailable
from lab.settings import load_settings
from tests.cluster.rig import requirements
from tests.cluster.rig.facts import RigFacts
from tests.cluster.rig.kubectl import Kubectl
from tests.cluster.rig.programs import missing_programs
from tests.cluster.rig.rig import Rig
from tests.cluster.rig.settings import ClusterSettings

HERE: Final = Path(__file__).parent
TIMEOUT_S: Final = 300
RIG: Final = "rig"
NEEDS_RIG: Final = "rig_possible"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark this folder's tests; those that make a rig of their own come before all that share one."""
    ours = [item for item in items if item.path.is_relative_to(HERE)]
    for item in ours:
        item.add_marker(pytest.mark.cluster)
        item.add_marker(pytest.mark.timeout(TIMEOUT_S))
    # A stack is brought up, used and taken down, each in a test of its own: they follow as they are written.
    items.sort(key=lambda item: (RIG in getattr(item, "fixturenames", ()), item.path, item.location[1] or 0))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip where the rig cannot run, all from this one place so that one line says what is missing; or fail there."""
    lacks = missing() if NEEDS_RIG in getattr(item, "fixturenames", ()) else ""
    if lacks and ClusterSettings().cluster == "required":
        raise Unavailable(lacks)
    if lacks:
        pytest.skip(lacks)


@cache
def missing() -> str:
    """What this machine lacks, in one line."""
    return requirements.missing() or missing_programs(load_settings().cache_dir)


@pytest.fixture(scope="session")
def rig_possible() -> None:
    """Whoever asks for it runs only where a rig can."""


@pytest.fixture(scope="session")
def rig(rig_possible: None) -> Iterator[RigFacts]:
    """A cluster that is up: the kept one, or one for this session, of which nothing is left afterwards."""
    with Rig() as made:
        yield made.facts


@pytest.fixture(scope="session")
def kubectl(rig: RigFacts) -> Kubectl:
    """The administrator's kubectl."""
    return Kubectl(rig)
