"""A lock has one holder, who can be named; it ends with its holder."""

import subprocess
import sys
from pathlib import Path

import pytest

from lab.targets.processes.locks import Lock, Taken, is_held


def test_a_lock_has_one_holder(tmp_path: Path) -> None:
    """Who comes second is told who came first."""
    lock = Lock(tmp_path / "a.lock", "process 7")
    with pytest.raises(Taken) as taken:
        Lock(tmp_path / "a.lock")
    assert taken.value.holder == "process 7"
    lock.release()
    Lock(tmp_path / "a.lock").release()


def test_whether_a_lock_is_held_can_be_asked_without_taking_it(tmp_path: Path) -> None:
    """A file that is missing is not locked."""
    file = tmp_path / "a.lock"
    assert not is_held(file)
    lock = Lock(file)
    assert is_held(file)
    lock.release()
    assert not is_held(file)


def test_a_lock_is_held_as_long_as_a_process_that_inherited_it(tmp_path: Path) -> None:
    """The process that starts a stack ends before its supervisor."""
    file = tmp_path / "a.lock"
    lock = Lock(file)
    command = [sys.executable, "-I", "-S", "-c", "input()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=[lock.fileno()]) as child:
        lock.release()
        assert is_held(file)
        child.communicate(b"\n")
    assert not is_held(file)


def test_the_name_of_an_earlier_holder_is_gone(tmp_path: Path) -> None:
    """Also when it was longer."""
    Lock(tmp_path / "a.lock", "a process with a long name").release()
    lock = Lock(tmp_path / "a.lock", "b")
    with pytest.raises(Taken) as taken:
        Lock(tmp_path / "a.lock")
    assert taken.value.holder == "b"
    lock.release()
