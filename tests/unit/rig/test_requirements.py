"""A machine that cannot have the rig says in one line what it lacks; its tests are skipped, or fail where required."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import psutil
import pytest

from lab.errors import Unavailable
from tests.cluster import conftest, prepare
from tests.cluster.rig import requirements
from tests.cluster.rig.programs import programs_folder

LACKS = "the rig needs root, Go ≥ 1.26"
Change = Callable[[pytest.MonkeyPatch, Path], None]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The folder of all programs of a machine that lacks nothing."""
    (folder := tmp_path / "bin").mkdir()
    programs = {package: Path(program).name for package, program in requirements.PACKAGES.items()}
    for name in programs.values():
        program(folder / name, "")
    program(folder / "go", "echo go1.26.8")
    # One of the packages is known by a file that is on no PATH.
    bridge = str(folder / programs["containernetworking-plugins"])
    monkeypatch.setitem(requirements.PACKAGES, "containernetworking-plugins", bridge)
    monkeypatch.setattr(requirements, "ADMIN_PATHS", str(folder))
    monkeypatch.setattr(requirements, "CGROUP", folder)
    monkeypatch.setattr(requirements, "is_root", lambda: True)
    monkeypatch.setattr(psutil, "LINUX", True)
    monkeypatch.setenv("PATH", str(folder))
    return folder


def program(path: Path, command: str) -> None:
    """A program that runs one command."""
    path.write_text(f"#!/bin/sh\n{command}\n", encoding="utf-8")
    path.chmod(0o755)


def not_root(monkeypatch: pytest.MonkeyPatch, _: Path) -> None:
    """Somebody else."""
    monkeypatch.setattr(requirements, "is_root", lambda: False)


def no_go(_: pytest.MonkeyPatch, folder: Path) -> None:
    """None at all."""
    (folder / "go").unlink()


def old_go(_: pytest.MonkeyPatch, folder: Path) -> None:
    """That of the year before; numbers are compared, not text."""
    program(folder / "go", "echo go1.9.7")


def no_packages(_: pytest.MonkeyPatch, folder: Path) -> None:
    """Two of them, one known by a file."""
    (folder / "etcd").unlink()
    (folder / "bridge").unlink()


def another_cgroup(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Version 2."""
    monkeypatch.setattr(requirements, "CGROUP", folder / "absent")


def another_system(monkeypatch: pytest.MonkeyPatch, _: Path) -> None:
    """No Linux."""
    monkeypatch.setattr(psutil, "LINUX", False)


def nothing_changes(_: pytest.MonkeyPatch, __: Path) -> None:
    """As it is."""


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ([nothing_changes], ""),
        ([not_root], "the rig needs root"),
        ([no_go], "the rig needs Go ≥ 1.26"),
        ([old_go], "the rig needs Go ≥ 1.26"),
        ([another_cgroup], "the rig needs cgroup v1"),
        ([another_system], "the rig needs Linux"),
        ([no_packages], "the rig needs packages (apt-get install --yes containernetworking-plugins etcd-server)"),
        ([not_root, no_go], LACKS),
    ],
)
def test_one_line_names_everything_that_a_machine_lacks(
    changes: list[Change], line: str, machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the command that installs it; nothing where it lacks nothing."""
    for change in changes:
        change(monkeypatch, machine)
    assert requirements.missing() == line


def test_a_machine_that_is_not_prepared_is_told_how(machine: Path, tmp_path: Path) -> None:
    """What it lacks itself comes first, then programs, then what is fetched."""
    assert prepare.missing(tmp_path / "cache").endswith("are not built (python -m tests.cluster.rig build)")
    programs_folder(tmp_path / "cache").mkdir(parents=True)
    assert prepare.missing(tmp_path / "cache").endswith("are not fetched (python -m tests.cluster.prepare)")
    (machine / "go").unlink()
    assert prepare.missing(tmp_path / "cache") == "the rig needs Go ≥ 1.26"


def outcome_of(*fixtures: str) -> str:
    """What becomes of a test with these fixtures before it runs."""
    try:
        conftest.pytest_runtest_setup(cast("pytest.Item", SimpleNamespace(fixturenames=fixtures)))
    except pytest.skip.Exception as skipped:
        return f"skipped: {skipped.msg}"
    except Unavailable as failed:
        return f"failed: {failed}"
    return "runs"


@pytest.mark.parametrize("chosen", ["", "optional"])
def test_tests_are_skipped_with_that_line(chosen: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that need a rig; a rig is optional unless it is said otherwise."""
    monkeypatch.setattr(conftest, "missing", lambda: LACKS)
    monkeypatch.setenv("LAB_CLUSTER", chosen)
    assert outcome_of("tmp_path", "rig_possible") == f"skipped: {LACKS}"


def test_tests_fail_with_that_line_where_a_rig_is_required(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is passed over in silence."""
    monkeypatch.setattr(conftest, "missing", lambda: LACKS)
    monkeypatch.setenv("LAB_CLUSTER", "required")
    assert outcome_of("rig_possible") == f"failed: {LACKS}"


@pytest.mark.parametrize("chosen", ["optional", "required"])
def test_tests_run_where_nothing_is_missing_or_needed(chosen: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test without a rig is none of this, whatever the machine lacks."""
    monkeypatch.setenv("LAB_CLUSTER", chosen)
    monkeypatch.setattr(conftest, "missing", lambda: LACKS)
    assert outcome_of("tmp_path") == "runs"
    monkeypatch.setattr(conftest, "missing", lambda: "")
    assert outcome_of("rig_possible") == "runs"
