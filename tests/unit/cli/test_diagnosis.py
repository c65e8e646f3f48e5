"""`lab diagnose` chooses where to look, keeps its snapshot, and tells what it found by its exit code."""

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab import wiring
from lab.cli import main
from lab.settings import load_settings
from lab.snapshots.files import load, save
from lab.snapshots.gaps import Unanswered
from lab.snapshots.snapshot import Moment, Snapshot
from lab.targets.processes.folder import StackFolder
from lab.targets.processes.locks import Lock
from lab.targets.processes.plan import Plan, Program, Ready, write_plan
from lab.targets.processes.state import Failure, ProgramState, StackState, write_state
from lab.targets.processes.target import ProcessTarget
from tests.unit.diagnosis.builders import NAMESPACE, healthy, with_probes
from tests.unit.diagnosis.cases import CASES
from tests.unit.targets.kubernetes.api_server import serving
from tests.unit.targets.kubernetes.object_server import ObjectServer

NAMESPACED = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}


@dataclass
class Kept:
    """A source that returns one snapshot."""

    snapshot: Snapshot

    def take(self, moment: Moment = "after") -> Snapshot:
        """Return the snapshot."""
        return self.snapshot


@pytest.fixture
def snapshot(monkeypatch: pytest.MonkeyPatch) -> Snapshot:
    """What a snapshot of any target is."""
    taken = healthy()
    monkeypatch.setattr(wiring, "snapshots", lambda *_: Kept(taken))
    return taken


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """State and runs of a test's own, in a folder of its own, without a kubeconfig."""
    monkeypatch.setenv("LAB_CACHE_DIR", str(load_settings().cache_dir))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LAB_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("LAB_RUNS_DIR", str(tmp_path / "runs"))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def server(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectServer]:
    """Serve an empty namespace of the cluster that the settings name."""
    with serving(ObjectServer()) as server:
        server.hold([NAMESPACED])
        monkeypatch.setenv("LAB_KUBECONFIG", str(server.kubeconfig(elsewhere)))
        yield server


def kept_folder() -> StackFolder:
    """Return the folder of this project's kept stack, with nothing in it."""
    folder = ProcessTarget(load_settings()).kept_folder
    folder.make()
    return folder


def failed_stack(*log: str, exit_code: int) -> None:
    """Plant a stack whose worker did not start."""
    folder = kept_folder()
    name, end = "process-worker", folder.log_of("process-worker")
    write_plan(folder.plan, Plan((Program(name, ("/bin/sh",), Ready("file", "/nowhere"), str(end)),), throw_away=False))
    failure = Failure(name, f"exited with {exit_code}", exit_code, log)
    write_state(folder.state, StackState("failed", 1, 1, (ProgramState(name, "stopped"),), failure=failure))
    end.write_text("\n".join(log))


def test_a_snapshot_is_kept(snapshot: Snapshot, tmp_path: Path) -> None:
    """As it was taken."""
    assert main(["diagnose", "--save", str(tmp_path / "snapshot.json")]) == 0
    assert load(tmp_path / "snapshot.json") == snapshot


@pytest.mark.usefixtures("snapshot")
def test_a_folder_that_is_not_there_is_a_short_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the next step; no traceback."""
    file = tmp_path / "a b" / "snapshot.json"
    assert main(["diagnose", "--save", str(file)]) == 64
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == f"lab: cannot write {file}"
    assert len(lines) <= 5
    assert lines[-1].startswith(f"  do: mkdir -p '{file.parent}'")


@pytest.mark.parametrize(
    "arguments", [["--save", "x"], ["--namespace", "x"], ["--target", "processes"]], ids=lambda words: words[0]
)
def test_a_saved_snapshot_is_not_taken_again(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where it came from is in the file."""
    file = tmp_path / "snapshot.json"
    save(healthy(), file)
    assert main(["diagnose", "--snapshot", str(file), *arguments]) == 64
    assert f"lab diagnose --snapshot {file}" in capsys.readouterr().err


@pytest.mark.usefixtures("elsewhere")
def test_without_a_stack_the_machine_is_judged(capsys: pytest.CaptureFixture[str]) -> None:
    """It says plainly that nothing is up, and what to do."""
    assert main(["diagnose"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "  no stack is up on this machine; next: lab up",
        "  no problems on this machine",
    ]


@pytest.mark.usefixtures("elsewhere")
def test_a_stack_that_failed_is_explained_by_its_logs(capsys: pytest.CaptureFixture[str]) -> None:
    """Its logs stay until `lab down`."""
    failed_stack("process-worker: the environment is not right:", "  LAB_WORKER_COST_US: not a number", exit_code=78)
    assert main(["diagnose"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["  the last stack on this machine failed; these are its logs", "  1 problem on this machine"]
    assert lines[3].endswith(" wrong-settings")
    assert lines[4] == "    found     LAB_WORKER_COST_US: not a number"
    assert lines[-1] == "    do        lab up"


@pytest.mark.parametrize("failed", [True, False])
def test_the_snapshot_of_the_last_failure_is_named(
    elsewhere: Path, capsys: pytest.CaptureFixture[str], *, failed: bool
) -> None:
    """The command that is named shows what was wrong, whether the stack that failed is still there or not."""
    if failed:
        failed_stack("fatal", exit_code=1)
    file = elsewhere / "state" / "failures" / "processes" / "last-failure.json"
    file.parent.mkdir(parents=True)
    save(CASES["oom-kill"].snapshot, file)
    assert main(["diagnose"]) == int(failed)
    line = capsys.readouterr().out.splitlines()[1]
    assert re.match(r"  the last failure here, of \d{4}-\d\d-\d\d \d\d:\d\d, is kept; see it: ", line)
    command = shlex.split(line.partition("see it: ")[2])
    assert command == ["lab", "diagnose", "--snapshot", str(file)]
    assert main(command[1:]) == 1
    assert " oom-kill\n" in capsys.readouterr().out


def test_a_part_without_an_answer_is_told_with_its_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody may take silence for health; the exit code tells of findings alone."""
    missing = Unanswered("clocks", "cannot list Pods: timed out")
    save(with_probes(healthy(), unanswered=(missing,)), tmp_path / "snapshot.json")
    assert main(["diagnose", "--snapshot", str(tmp_path / "snapshot.json")]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"  no problems in namespace {NAMESPACE}",
        "",
        "  1 part not judged, since asking failed",
        "    missing   clocks: cannot list Pods: timed out",
    ]


@pytest.mark.usefixtures("elsewhere")
def test_a_program_gets_the_findings_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """As JSON."""
    failed_stack("fatal", exit_code=1)
    assert main(["diagnose", "--json"]) == 1
    [finding] = json.loads(capsys.readouterr().out)
    assert (finding["cause"], finding["object"]) == ("not-ready", "Program/process-worker")


def test_a_cluster_is_looked_at_where_one_is_configured(
    server: ObjectServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """A stack that failed here is not what is asked for."""
    failed_stack("fatal", exit_code=1)
    assert main(["diagnose"]) == 0
    assert capsys.readouterr().out == f"  no problems in namespace {NAMESPACE}\n"
    assert server.requested


def test_a_stack_that_is_up_here_comes_before_a_cluster(
    server: ObjectServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """Unless the cluster is named."""
    lock = Lock(kept_folder().lock)
    try:
        assert main(["diagnose"]) == 0
        assert capsys.readouterr().out.endswith("  no problems on this machine\n")
        assert server.requested == []
        for arguments in (["--namespace", NAMESPACE], ["--target", "kubernetes"]):
            assert main(["diagnose", *arguments]) == 0
            assert f"in namespace {NAMESPACE}" in capsys.readouterr().out
    finally:
        lock.release()


def test_this_machine_can_be_named(server: ObjectServer, capsys: pytest.CaptureFixture[str]) -> None:
    """Then no cluster is asked."""
    assert main(["diagnose", "--target", "processes"]) == 0
    assert "on this machine" in capsys.readouterr().out
    assert server.requested == []
