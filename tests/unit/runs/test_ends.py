"""What the end of a notebook means for its run, decided from the manifest alone."""

from pathlib import Path

import pytest

from lab.errors import DataFault, InternalFault, LabError, Unavailable, UsageFault
from lab.interrupts import Interrupted
from lab.runs.manifest import RunManifest
from lab.runs.notebooks.ends import FailedCell, end_of, error_of, has_recorded_end, was_refused

NOTEBOOK = Path("question.ipynb")


@pytest.mark.parametrize("status", ["succeeded", "interrupted"])
def test_a_run_that_has_a_result_ends_well(status: str) -> None:
    """Also one that was interrupted: what it measured is kept."""
    assert end_of(RunManifest(status=status), NOTEBOOK) is None


def test_a_notebook_that_measured_nothing_is_told_what_to_call() -> None:
    """Its run is still running when its last cell has ended."""
    fault = end_of(RunManifest(status="running"), NOTEBOOK)
    assert fault is not None
    assert "question.ipynb" in fault.attempted
    assert "lab.run(" in fault.next_step


def test_a_run_that_failed_is_named_with_its_reason() -> None:
    """A notebook that catches the error does not hide it."""
    fault = end_of(RunManifest(id="a-run", status="failed", reason="no stack"), NOTEBOOK)
    assert fault is not None
    assert (fault.found, fault.next_step) == ("no stack", "lab runs show a-run")


def test_the_error_that_the_kernel_kept_is_the_error() -> None:
    """With its own class and words."""
    kept = Unavailable("no store", next_step="lab up")
    assert error_of(FailedCell(1, "Unavailable", "no store"), NOTEBOOK, kept=kept, number=2) is kept


@pytest.mark.parametrize("error", ["KeyboardInterrupt", "Interrupted"])
def test_an_interrupt_carries_the_signal_on(error: str) -> None:
    """Whatever the kernel kept before it."""
    interrupt = error_of(FailedCell(1, error, ""), NOTEBOOK, kept=LabError("no store"), number=15)
    assert isinstance(interrupt, Interrupted)
    assert interrupt.number == 15


@pytest.mark.parametrize(("execution", "words"), [(4, "no column"), (None, "x" * 2_000)])
def test_any_other_error_names_its_cell(execution: int | None, words: str) -> None:
    """In one line that fits a terminal."""
    fault = error_of(FailedCell(execution, "KeyError", words), NOTEBOOK, kept=None, number=2)
    assert isinstance(fault, InternalFault)
    assert str(execution) in fault.attempted
    assert fault.found.startswith("KeyError: ")
    assert len(fault.found) <= 300


@pytest.mark.parametrize("error", [UsageFault("no such fault"), DataFault("no such file")])
def test_a_misuse_before_the_measurement_leaves_no_run(error: LabError) -> None:
    """Once it measures, or for a fault of anything else, the run is kept."""
    assert was_refused(RunManifest(), error)
    assert not was_refused(RunManifest(measuring=True), error)
    assert not was_refused(RunManifest(status="failed"), error)
    assert not was_refused(RunManifest(), Unavailable("no store"))
    assert not was_refused(RunManifest(), KeyboardInterrupt())


@pytest.mark.parametrize(
    ("status", "ended", "recorded"),
    [
        ("failed", "2027-01-15", True),
        ("interrupted", "2027-01-15", True),
        ("succeeded", "2027-01-15", False),
        ("failed", "", False),
        ("running", "", False),
    ],
)
def test_an_end_counts_where_it_is_dated(status: str, ended: str, *, recorded: bool) -> None:
    """A run whose process is gone reads as failed, without a date; an error after a success is recorded."""
    assert has_recorded_end(RunManifest(status=status, ended=ended)) is recorded
