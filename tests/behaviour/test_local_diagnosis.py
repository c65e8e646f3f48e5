"""Faults of a local stack, made for real on loopback: `lab up` explains them, `lab diagnose` finds them."""

import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from lab.cli import main
from lab.diagnosis.diagnose import diagnose
from lab.settings import LabSettings, load_settings
from lab.snapshots.files import load
from lab.targets.processes.locks import Lock
from lab.targets.processes.metrics.metrics_server import find_prometheus
from lab.targets.processes.plan import Ready
from lab.targets.processes.target import ProcessTarget
from lab.wiring import snapshots
from tests import programs
from tests.unit.targets.processes.programs import FAILS, World

PASSWORD: Final = "open sesame"
CROWDED: Final = """
import socket, sys
try:
    socket.create_server(("127.0.0.1", int(sys.argv[1])))
except OSError as error:
    print(f"cannot listen on 127.0.0.1:{sys.argv[1]}: {error}")
    sys.exit(1)
"""
needs_prometheus = pytest.mark.skipif(find_prometheus(LabSettings()) is None, reason="no prometheus: make servers")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """State and runs of a test's own; the stack goes with it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LAB_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("LAB_RUNS_DIR", str(tmp_path / "runs"))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    yield
    main(["down"])


def findings(capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, dict[str, str]]:
    """Return what `lab diagnose` finds on this machine, by cause."""
    capsys.readouterr()
    code = main(["diagnose", "--target", "processes", "--json", *options])
    told = json.loads(capsys.readouterr().out)
    assert code == int(bool(told))
    return {finding["cause"]: finding for finding in told}


def test_a_port_that_is_taken_is_named_with_who_has_it(tmp_path: Path) -> None:
    """A stack of small programs; the port is this test's own."""
    world = World(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        crowded = world.script("worker", CROWDED, str(port), ready=Ready("file", "/nowhere", 20), after=("store",))
        with world.supervised(world.service("store"), crowded):
            world.until("failed")
            [finding] = diagnose(snapshots("processes", load_settings(), world.folder.root).take())
    assert (finding.cause, finding.object) == ("port-taken", "Program/worker")
    assert f"port {port} is taken by process" in finding.title


def test_the_program_that_died_first_is_blamed_in_a_real_stack(tmp_path: Path) -> None:
    """The worker needs a store that cannot start."""
    world = World(tmp_path)
    broken = world.script("store", FAILS, "1", ready=Ready("file", "/nowhere", 20))
    with world.supervised(broken, world.service("worker", "store")):
        world.until("failed")
        [finding] = diagnose(snapshots("processes", load_settings(), world.folder.root).take())
    assert (finding.cause, finding.object) == ("not-ready", "Program/store")
    assert finding.found == "it exited with 1; store says no: wrong password"
    assert finding.do == f"tail -n 60 {world.folder.log_of('store')}"


def test_a_stack_of_small_programs_that_runs_has_no_finding(tmp_path: Path) -> None:
    """Neither store nor metrics server is asked where the plan names none."""
    world = World(tmp_path)
    lock = Lock(world.folder.lock)
    with world.supervised(world.service("store"), world.service("worker", "store")):
        world.until("ready")
        snapshot = snapshots("processes", load_settings(), world.folder.root).take()
    lock.release()
    assert snapshot.machine is not None
    assert (snapshot.machine.stack, diagnose(snapshot)) == ("ready", ())
    assert all(program.is_up and program.pid and program.instance for program in snapshot.programs)


@needs_prometheus
def test_a_wrong_setting_is_explained_when_the_stack_does_not_come_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the error itself, and afterwards by its logs and by the snapshot that was kept."""
    assert main(["up", "--set", "LAB_WORKER_COST_US=soon"]) == 78
    error = capsys.readouterr().err
    assert len(error.splitlines()) <= 5
    assert "(wrong-settings)" in error
    assert "LAB_WORKER_COST_US" in findings(capsys)["wrong-settings"]["found"]
    [kept] = tmp_path.glob("state/**/last-failure.json")
    assert [finding.cause for finding in diagnose(load(kept))] == ["wrong-settings"]
    assert main(["diagnose"]) == 1
    assert f"see it: lab diagnose --snapshot {kept}\n" in capsys.readouterr().out


@needs_prometheus
def test_a_store_with_a_password_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By all three commands alike."""
    options = {"appendonly": "yes", "appendfsync": "always", "requirepass": PASSWORD}
    with programs.store_url(tmp_path, options) as url:
        monkeypatch.setenv("LAB_REDIS_URL", url)
        assert main(["up"]) != 0
        assert "(redis-password)" in capsys.readouterr().err
        assert [*findings(capsys)] == ["redis-password"]
        assert main(["doctor"]) == 69
        assert re.search(r"✗ store +127\.0\.0\.1:\d+; NOAUTH", capsys.readouterr().out)


@needs_prometheus
def test_a_stack_that_runs_is_judged_by_the_same_rules(capsys: pytest.CaptureFixture[str]) -> None:
    """It is well, until its store keeps less than it should."""
    assert main(["up"]) == 0
    assert findings(capsys) == {}
    stack = ProcessTarget(load_settings()).current()
    assert stack is not None
    client = programs.administrator_of(stack)
    client.config_set("appendfsync", "everysec")
    assert "config set appendfsync always" in findings(capsys)["redis-not-durable"]["do"]
    client.config_set("appendfsync", "always")
    client.close()
    assert findings(capsys) == {}
