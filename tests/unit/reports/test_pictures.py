"""A picture that cannot be drawn says why; report, verdict and exit code stay."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from lab.entry_points import Entry
from lab.model import Trial
from lab.reports import figures, report
from lab.reports.figures import NOT_DRAWN
from lab.reports.picture import Picture
from lab.runs.record import RunRecord
from lab.runs.store import RunStore
from tests.unit import trials

DRAWS: Final = """
from lab.reports import figures
from tests.unit import trials
for shown in (figures.load(trials.rich()), figures.latency(trials.rich()), figures.backlog(trials.rich())):
    assert shown.svg.startswith("<svg"), shown.text
    print(shown.svg)
"""
MISSING: Final[Entry[object]] = Entry("no.such.module:draw")
PROJECT: Final = Path(__file__).parents[3]
MATPLOTLIBRC: Final = (
    "text.usetex: True", "font.family: no-such-font", "axes.formatter.use_locale: True", "figure.dpi: 1",
    "svg.fonttype: none", "path.simplify: False",
)  # fmt: skip
"""Lines of a matplotlibrc that is somebody's own."""


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The pictures where the user has set nothing."""
    return drawn(tmp_path_factory.mktemp("usual"))


def drawn(folder: Path, check: str = "", **variables: str) -> str:
    """Draw in a process with these variables, then check something; return the pictures, of which none is missing."""
    environment = os.environ | {"MPLCONFIGDIR": str(folder), **variables}  # noqa: TID251  a child inherits it
    command = [sys.executable, "-W", "error::RuntimeWarning", "-c", DRAWS + check]
    done = subprocess.run(
        command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    return done.stdout


@pytest.mark.parametrize("backend", ["module://ipympl.backend_nbagg", "no-such-backend", "tkagg"])
def test_a_backend_of_the_user_changes_no_picture(usual: str, tmp_path: Path, backend: str) -> None:
    """Whether it is installed or not."""
    assert drawn(tmp_path, MPLBACKEND=backend) == usual


def test_the_users_own_pictures_keep_their_backend(tmp_path: Path) -> None:
    """As in a notebook, whose kernel shows pictures below the cell."""
    inline = "module://matplotlib_inline.backend_inline"
    check = f"import matplotlib; assert matplotlib.rcParams['backend'] == {inline!r}, matplotlib.rcParams['backend']"
    drawn(tmp_path, check, MPLBACKEND=inline)


def test_settings_of_the_user_change_no_picture(usual: str, tmp_path: Path) -> None:
    """LaTeX, for example, which is not there."""
    (tmp_path / "matplotlibrc").write_text("\n".join(MATPLOTLIBRC) + "\n")
    assert drawn(tmp_path, MATPLOTLIBRC=str(tmp_path / "matplotlibrc")) == usual


@pytest.fixture
def undrawable(monkeypatch: pytest.MonkeyPatch) -> None:
    """What draws cannot be loaded."""
    monkeypatch.setattr(figures, "OF_A_TRIAL", dict.fromkeys(figures.OF_A_TRIAL, MISSING))
    monkeypatch.setattr(figures, "OF_SEVERAL_TRIALS", dict.fromkeys(figures.OF_SEVERAL_TRIALS, MISSING))


@pytest.mark.parametrize(("name", "entry"), [*figures.OF_A_TRIAL.items(), *figures.OF_SEVERAL_TRIALS.items()])
def test_each_figure_is_drawn_by_the_function_of_its_name(name: str, entry: Entry[Callable[..., Picture]]) -> None:
    """A notebook calls it by that name, too."""
    assert entry.load().__name__ == name
    assert callable(getattr(figures, name))


@pytest.mark.usefixtures("undrawable")
@pytest.mark.parametrize("draw", [figures.load, figures.latency, figures.path, figures.backlog])
def test_a_picture_that_fails_is_a_warning(draw: Callable[[Trial], Picture]) -> None:
    """A cell shows the reason in place of the picture."""
    with pytest.warns(RuntimeWarning, match=NOT_DRAWN):
        shown = draw(trials.rich())
    assert (shown.svg, shown._repr_html_(), shown.failed) == ("", None, True)
    assert "no.such" in repr(shown) or "No module" in repr(shown)


@pytest.mark.usefixtures("undrawable")
def test_a_picture_of_several_trials_that_fails_is_a_warning() -> None:
    """With the name of the figure."""
    with pytest.warns(RuntimeWarning, match=f"latencies: {NOT_DRAWN}: ModuleNotFoundError"):
        assert figures.latencies([trials.rich()]).failed


@pytest.mark.usefixtures("undrawable")
def test_a_report_without_pictures_says_so(tmp_path: Path) -> None:
    """The rest of the page is as ever."""
    with pytest.warns(RuntimeWarning, match=NOT_DRAWN):
        page = report.write(trials.rich(), tmp_path, contents={}).read_text()
    assert NOT_DRAWN in page
    assert "What Prometheus saw" in page
    assert [file.name for file in (tmp_path / "figures").iterdir() if file.stem in {"load", "latency"}] == []
    assert "Where the time went" in page


def test_a_picture_with_nothing_to_show_is_left_out_of_the_report(tmp_path: Path) -> None:
    """Nothing failed: no trace was recorded from end to end."""
    assert not figures.path(trials.rich()).failed
    assert "Where the time went" not in report.write(trials.rich(), tmp_path, contents={}).read_text()


def test_a_report_that_fails_is_a_warning(tmp_path: Path) -> None:
    """The run has succeeded, with its verdict."""
    run = RunStore(tmp_path / "runs").new("a")

    def publish(_trial: object) -> None:
        raise ValueError("no template")

    with RunRecord(run, publish=publish) as record, pytest.warns(RuntimeWarning, match="no report: ValueError"):
        record.succeeded(trials.rich(), interrupted=False)
    assert (run.manifest().status, run.manifest().headline) == ("succeeded", "MET")
