"""Guards that hold for all tests, and a fixture for a store.

The guards: no test reaches an address outside this machine, leaves a process behind, or depends on settings that the
user has exported.
"""

import signal
import socket
import sys
from collections.abc import Generator, Iterator
from ipaddress import IPv4Address
from pathlib import Path
from typing import Final

import psutil
import pytest
from hypothesis import settings as hypothesis_settings

from services.bootstrap.store import bootstrap
from services.ledger.connection import StoreSettings
from tests import programs
from tests.cluster.rig.facts import NETWORK as RIG_NETWORK
from tests.settings import forget_settings
from tests.turns import deselect

hypothesis_settings.register_profile("ci", derandomize=True, deadline=None)
hypothesis_settings.load_profile("ci")
# A shell that starts a command in the background, and nohup, let it ignore signals that tests send to its children.
for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, handler)

CLUSTER: Final = Path(__file__).parent / "cluster"
HERE = frozenset({"localhost", "", "0.0.0.0", "::", "::1", socket.gethostname()})  # noqa: S104  nothing is bound here


# --------------------------------------------------------------------------------------------------------- guards


class OutsideThisMachine(AssertionError):
    """A test tried to reach an address that is not on this machine (`ARCHITECTURE.md` D20)."""


def refuse_outside(event: str, arguments: tuple[object, ...]) -> None:
    """Refuse name look-ups and connections outside this machine. An audit hook does not see sockets of C libraries."""
    if event == "socket.getaddrinfo":
        _require_local(arguments[0])
    elif event in {"socket.connect", "socket.sendto"} and isinstance(arguments[1], tuple):
        _require_local(arguments[1][0])


def _require_local(host: object) -> None:
    name = host.decode() if isinstance(host, bytes) else str(host or "")
    if name not in HERE and not name.startswith("127.") and not _is_in_rig(name):
        raise OutsideThisMachine(f"a test tried to reach {name}; tests use 127.0.0.1 and unix sockets only")


_with_rig: list[str] = []
"""The test that runs now, when it is a test of the cluster."""


def _is_in_rig(name: str) -> bool:
    try:
        return bool(_with_rig) and IPv4Address(name) in RIG_NETWORK
    except ValueError:
        return False


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Let tests of the cluster reach the rig, whose addresses exist on this machine only."""
    if item.path.is_relative_to(CLUSTER):
        _with_rig.append(item.nodeid)
    try:
        return (yield)
    finally:
        _with_rig.clear()


sys.addaudithook(refuse_outside)
forget_settings()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the long tests whose turn it is not."""
    deselect(config, items)


@pytest.fixture(scope="session", autouse=True)
def _no_process_left() -> Iterator[dict[int, str]]:
    """Fail at the end of the session when a child process is left, and kill it."""
    first_seen_in: dict[int, str] = {}
    yield first_seen_in
    _, alive = psutil.wait_procs(_children(), timeout=5)
    left = [f"{_command_of(child)} (since {first_seen_in.get(child.pid, 'the last module')})" for child in alive]
    for child in alive:
        child.kill()
    assert not left, "tests left processes behind: " + "; ".join(left)


@pytest.fixture(scope="module", autouse=True)
def _children_of_the_module(_no_process_left: dict[int, str], request: pytest.FixtureRequest) -> Iterator[None]:
    """Remember in which module a child was first seen, so that the guard can name it."""
    yield
    for child in _children():
        _no_process_left.setdefault(child.pid, request.node.nodeid)


def _children() -> list[psutil.Process]:
    children = psutil.Process().children(recursive=True)
    # Python's own resource tracker lives as long as the interpreter.
    return [child for child in children if "multiprocessing.resource_tracker" not in _command_of(child)]


def _command_of(child: psutil.Process) -> str:
    try:
        return " ".join(child.cmdline()) or child.name()
    except psutil.Error:
        return f"process {child.pid}"


# --------------------------------------------------------------------------------------------------------- parts


@pytest.fixture
def store() -> Iterator[str]:
    """Yield the URL of a real, durable store for this test, with the ledger's functions loaded."""
    with programs.store() as (port, _server, _folder):
        url = f"redis://127.0.0.1:{port}/0"
        bootstrap(StoreSettings(redis_url=url), require_durability="durable")
        yield url
