"""`lab runs`: what is printed of kept runs, which report is opened, what is removed."""

import webbrowser
from pathlib import Path

import pytest

from lab.cli import main
from lab.errors import Unavailable
from lab.model import Trial
from lab.reports.answer import conclusion
from lab.reports.report import REPORT
from lab.runs.folder import RunFolder
from lab.runs.record import RunRecord
from lab.runs.store import RunStore
from tests.unit import trials

RUN = "2026-11-23-065312-k3f9-quickstart"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunStore:
    """Keep the runs of a test in a folder of its own; there is no browser."""
    monkeypatch.setenv("LAB_RUNS_DIR", str(tmp_path / "runs"))
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    return RunStore(tmp_path / "runs")


def publish(trial: Trial) -> None:
    """Write a report of one word."""
    (Path(trial.folder) / REPORT).write_text("MET", encoding="utf-8")


def succeeded(store: RunStore) -> RunFolder:
    """Return a run that succeeded, with its report."""
    folder = store.new("quickstart", notebook="notebooks/00_quickstart.ipynb", run_id=RUN)
    with RunRecord(folder, publish=publish) as record:
        record.succeeded(trials.trial(), interrupted=False)
    return folder


def failed(store: RunStore) -> RunFolder:
    """Return a run that failed before its report."""
    folder = store.new("quickstart", run_id=RUN)
    folder.end_by(Unavailable("no store", found="nothing listens"))
    return folder


def test_a_run_is_shown_with_its_files_and_the_next_command(
    store: RunStore, capsys: pytest.CaptureFixture[str]
) -> None:
    """Below its card."""
    folder = succeeded(store)
    assert main(["runs", "show"]) == 0
    shown = capsys.readouterr().out
    assert "  MET   test" in shown
    assert shown.splitlines()[-3:] == [
        f"  report    {folder.path / REPORT}",
        f"  notebook  {folder.path / '00_quickstart.ipynb'}",
        f"  next      {conclusion(trials.trial()).command}",
    ]


def test_a_run_that_failed_is_shown_with_its_reason(store: RunStore, capsys: pytest.CaptureFixture[str]) -> None:
    """There is no card."""
    failed(store)
    assert main(["runs", "show", "k3f9"]) == 0
    assert capsys.readouterr().out.splitlines() == [f"  {RUN}  failed", "        no store", "  nothing listens"]


@pytest.mark.parametrize("words", [["runs", "open"], ["runs", "open", RUN], ["open", "report"]], ids=" ".join)
def test_the_place_of_a_report_is_told(words: list[str], store: RunStore, capsys: pytest.CaptureFixture[str]) -> None:
    """The last run's, unless another is named."""
    folder = succeeded(store)
    assert main(words) == 0
    assert capsys.readouterr().out == f"{folder.path / REPORT}\n"


@pytest.mark.parametrize("words", [["runs", "open"], ["open", "report"]], ids=" ".join)
def test_a_run_without_a_report_is_an_error(
    words: list[str], store: RunStore, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is opened; the next step shows the run."""
    failed(store)
    assert main(words) == 65
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "the run ended before its report" in captured.err
    assert "do: lab runs show last" in captured.err


def test_a_browser_gets_the_address_of_the_report(
    store: RunStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also where the folder of the runs is a relative path."""
    folder, opened = succeeded(store), list[str]()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LAB_RUNS_DIR", "runs")
    monkeypatch.setenv("BROWSER", "a-browser")
    monkeypatch.setattr(webbrowser, "open", opened.append)
    assert main(["runs", "open"]) == 0
    assert opened == [(folder.path / REPORT).as_uri()]
    assert capsys.readouterr().out == f"{Path('runs', RUN, REPORT)}\n"


def test_removed_runs_are_counted(store: RunStore, capsys: pytest.CaptureFixture[str]) -> None:
    """The newest stay."""
    for number in range(3):
        store.new("question", run_id=f"run-{number}").end("succeeded")
    assert main(["runs", "prune", "--keep", "2"]) == 0
    assert main(["runs", "prune", "--keep", "0"]) == 0
    assert main(["runs", "prune"]) == 0
    assert capsys.readouterr().out.splitlines() == ["  removed 1 run", "  removed 2 runs", "  removed 0 runs"]
    assert store.all() == []
