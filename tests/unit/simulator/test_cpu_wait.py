"""A thread knows for how long it was ready to run and got no CPU."""

import multiprocessing
import os
import time
from pathlib import Path

import pytest

from services.simulator.cpu_wait import SCHEDSTAT, CpuWait


def test_what_the_kernel_counts_is_told_once(tmp_path: Path) -> None:
    """Each call returns what was added since the last."""
    file = tmp_path / "schedstat"
    file.write_text("900 100 3\n")
    with CpuWait(str(file)) as waits:
        file.write_text("950 130 4\n")
        first = waits.grown_ns()
        file.write_text("990 135 5\n")
        assert (first, waits.grown_ns(), waits.grown_ns()) == (30, 5, 0)


@pytest.mark.parametrize("content", [None, "", "no numbers here", "5"])
def test_a_kernel_that_does_not_count_counts_as_no_wait(tmp_path: Path, content: str | None) -> None:
    """Nobody is excused without evidence."""
    file = tmp_path / "schedstat"
    if content is not None:
        file.write_text(content)
    with CpuWait(str(file)) as waits:
        assert waits.grown_ns() == 0


def spin(core: int, seconds: float) -> None:
    """Use a core for a while."""
    os.sched_setaffinity(0, {core})
    end_s = time.monotonic() + seconds
    while time.monotonic() < end_s:
        pass


@pytest.mark.skipif(not Path(SCHEDSTAT).exists(), reason="this kernel does not count waits for a CPU")
def test_a_thread_beside_others_on_one_core_waits() -> None:
    """With two other programs on its core it gets a third of the time."""
    cores = os.sched_getaffinity(0)
    core = min(cores)
    others = [multiprocessing.get_context("spawn").Process(target=spin, args=(core, 3.0)) for _ in range(2)]
    for other in others:
        other.start()
    try:
        os.sched_setaffinity(0, {core})
        with CpuWait() as waits:
            spin(core, 3.0)
            assert waits.grown_ns() > 0.2e9
    finally:
        os.sched_setaffinity(0, cores)
        for other in others:
            other.join()
