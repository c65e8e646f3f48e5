"""Two runs never measure the same stack."""

import os
from pathlib import Path

import pytest

from lab.errors import Unavailable
from lab.targets.processes.measuring import measured_by


def test_a_stack_that_is_measured_names_its_run(tmp_path: Path) -> None:
    """With the process that measures; afterwards the stack is free again."""
    lock = tmp_path / "measuring.lock"
    with measured_by(lock, "2026-11-23-065312-k3f9"):
        with pytest.raises(Unavailable) as refused, measured_by(lock, ""):
            pytest.fail("two runs measure")
        assert refused.value.found == f"2026-11-23-065312-k3f9 (process {os.getpid()}) is measuring on it"
        assert refused.value.reason == "STACK_BUSY"
    with measured_by(lock, ""):
        pass


def test_a_run_that_fails_frees_the_stack(tmp_path: Path) -> None:
    """The next run need not wait."""
    lock = tmp_path / "measuring.lock"
    with pytest.raises(ZeroDivisionError), measured_by(lock, "a"):
        raise ZeroDivisionError
    with measured_by(lock, "b"):
        pass
