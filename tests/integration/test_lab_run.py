"""The whole way: a notebook, a stack, a load, a verdict, a folder; and nothing left behind."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import psutil
import pytest

from lab.cli import main
from lab.runs.evidence import load_trial
from lab.runs.folder import RunFolder
from lab.settings import environment_with
from tests.waiting import until

PROJECT: Final = Path(__file__).parents[2]
QUICKSTART: Final = PROJECT / "notebooks" / "00_quickstart.ipynb"
SHORT: Final = ["-p", "duration", "11", "-p", "warm_up", "1", "-p", "p99_ms", "5000"]
DEADLINE_S: Final = 120
FILES: Final = (
    "00_quickstart.ipynb", "run.json", "report.html", "samples.parquet", "series.parquet", "totals.parquet",
    "windows.parquet", "spans.jsonl", "logs/ingest-api.log", "logs/process-worker.log", "figures/latency.svg",
)  # fmt: skip
MUST_HAVE: Final = {
    "id", "notebook", "parameters", "target", "started", "ended", "status", "validity", "verdict", "ledger",
    "environment", "schema",
}  # fmt: skip

pytestmark = pytest.mark.timeout(2 * DEADLINE_S)


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, str]:
    """Runs and state of a test's own, by the names of their variables."""
    return {"LAB_RUNS_DIR": str(tmp_path / "runs"), "LAB_STATE_DIR": str(tmp_path / "state")}


@pytest.mark.alone
def test_a_run_leaves_everything(folders: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    """Verdict on the terminal, evidence in the folder, numbers that agree."""
    with environment_with(**folders):
        code = main(["run", str(QUICKSTART), *SHORT])
        printed = capsys.readouterr().out
        [run] = [RunFolder(path) for path in Path(folders["LAB_RUNS_DIR"]).iterdir()]
        manifest = run.document()
        assert (code, manifest["status"], manifest["verdict"]["status"]) == (0, "succeeded", "MET"), manifest
        assert set(manifest) >= MUST_HAVE
        assert manifest["parameters"]["duration"] == 11.0
        assert [name for name in FILES if not (run.path / name).is_file()] == []
        assert "  MET   quickstart on this machine" in printed
        assert '"stopped"' in (run.path / "logs" / "process-worker.log").read_text().splitlines()[-1]
        assert load_trial(run.path).defaults["duration"] != 11.0
        assert "Prometheus agrees" in printed
        assert load_trial(run.path).ledger.counted == manifest["ledger"]["counted"] == 5_500
        assert main(["runs", "show", "last", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["id"] == run.run_id
        assert main(["runs", "compare", "last", "last"]) == 0
        compared = capsys.readouterr().out
        assert "both MET" in compared
        assert "both VALID: schedule kept" in compared
        assert "a comparison of two single runs" in compared


def test_a_stack_that_never_came_up_leaves_its_logs(folders: dict[str, str]) -> None:
    """A store that is not there: the run says so, and what each program printed is kept."""
    nowhere = "redis://127.0.0.1:1/0"
    with environment_with(**folders, LAB_REDIS_URL=nowhere):
        assert main(["run", str(QUICKSTART), *SHORT]) == 69
    [run] = [RunFolder(path) for path in Path(folders["LAB_RUNS_DIR"]).iterdir()]
    assert run.document()["status"] == "failed"
    assert "cannot start bootstrap" in run.document()["reason"]
    assert "127.0.0.1:1" in (run.path / "logs" / "bootstrap.log").read_text()


@pytest.mark.in_turn(2, family="alone")
@pytest.mark.alone
def test_a_stack_that_is_up_is_used_and_stays(folders: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    """Up, status, run, logs, dead letters, down: an afternoon in a minute."""
    with environment_with(**folders):
        assert main(["up"]) == 0
        try:
            capsys.readouterr()
            assert main(["status", "--json"]) == 0
            status = json.loads(capsys.readouterr().out)
            assert [service["healthy"] for service in status["services"]] == [True] * 4
            assert status["ledger"]["accepted"] == 0
            assert main(["run", str(QUICKSTART), *SHORT]) == 0
            assert "using the stack that is up" in capsys.readouterr().out
            assert main(["status", "--json"]) == 0
            after = json.loads(capsys.readouterr().out)
            assert after["endpoints"] == status["endpoints"]
            assert after["ledger"]["counted"] == after["ledger"]["accepted"] > 5_500
            assert main(["logs", "ingest-api"]) == 0
            assert "serving on" in capsys.readouterr().out
            assert main(["dead", "list", "--json"]) == 0
            assert json.loads(capsys.readouterr().out) == []
            assert_holds_no_secret(Path(folders["LAB_RUNS_DIR"]), next(Path(folders["LAB_STATE_DIR"]).rglob("secrets")))
        finally:
            assert main(["down"]) == 0
        assert main(["status"]) == 69
    assert processes_below(folders["LAB_STATE_DIR"]) == []


def assert_holds_no_secret(runs: Path, secrets: Path) -> None:
    """Check every file of all runs for the stack's token and passwords, and who may read it."""
    planted = [path.read_bytes() for path in secrets.iterdir()]
    files = [path for path in runs.rglob("*") if path.is_file()]
    assert len(planted) > 5
    assert len(files) > 10
    assert [path for path in files if any(secret in path.read_bytes() for secret in planted)] == []
    assert {path.stat().st_mode & 0o777 for path in runs.iterdir()} == {0o700}


def test_plain_papermill_leaves_the_same_folder(folders: dict[str, str], tmp_path: Path) -> None:
    """Run folder, parameters, and the notebook it wrote, once papermill is through."""
    command = [sys.executable, "-m", "papermill", str(QUICKSTART), str(tmp_path / "out.ipynb"), *SHORT]
    with environment_with(**folders):
        subprocess.run(command, check=True, capture_output=True, timeout=DEADLINE_S)
    [run] = [RunFolder(path) for path in Path(folders["LAB_RUNS_DIR"]).iterdir()]
    assert run.document()["status"] == "succeeded"
    assert (run.document()["notebook"], run.document()["parameters"]["duration"]) == (
        "notebooks/00_quickstart.ipynb",
        11,
    )
    until((run.path / "out.ipynb").is_file)


def test_nothing_is_left_when_the_lab_is_killed(folders: dict[str, str]) -> None:
    """Kill -9 of everything that is `lab run`: the stack is gone within seconds, and the run did not succeed."""
    command = [sys.executable, "-c", "from lab.cli import main; main()", "run", str(QUICKSTART)]
    with environment_with(**folders), subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as lab:
        until(lambda: len(processes_below(folders["LAB_STATE_DIR"])) >= 6)
        for process in [*psutil.Process(lab.pid).children(), psutil.Process(lab.pid)]:
            os.kill(process.pid, signal.SIGKILL)
    until(lambda: processes_below(folders["LAB_STATE_DIR"]) == [], within_s=10)
    [run] = [RunFolder(path) for path in Path(folders["LAB_RUNS_DIR"]).iterdir()]
    assert run.document()["status"] == "failed"


def processes_below(folder: str) -> list[str]:
    """Return the commands of all processes that work for a stack in this folder."""
    commands = []
    for process in psutil.process_iter():
        try:
            words: list[Any] = process.cmdline()
            if any(folder in str(word) for word in words) or process.cwd().startswith(folder):
                commands.append(" ".join(words))
        except psutil.Error:
            continue
    return commands
