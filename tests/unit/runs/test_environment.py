"""What a run was made on is recorded, and names no person and no path."""

import json
import subprocess
from pathlib import Path

import pytest

from lab.model import StoreFacts
from lab.runs.environment import PACKAGES, describe

STORE = StoreFacts("valkey", "9.1.2", "durable")
PROMISED = {"git_sha", "dirty", "python", "packages", "machine", "store", "images"}


def git(project: Path, *arguments: str) -> str:
    """Run git as somebody, whatever this machine is set up for."""
    who = ["-c", "user.name=a", "-c", "user.email=a@localhost", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", "-C", str(project), *who, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository with one commit."""
    git(tmp_path, "init", "--quiet")
    (tmp_path / "a.txt").write_text("a")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "-m", "first")
    return tmp_path


def test_the_revision_is_that_of_the_project(project: Path) -> None:
    """And it says whether files differ from it."""
    clean = describe(project, STORE)
    assert (clean["git_sha"], clean["dirty"]) == (git(project, "rev-parse", "HEAD"), False)
    (project / "a.txt").write_text("b")
    assert describe(project, STORE)["dirty"] is True


def test_without_a_repository_nothing_is_claimed(tmp_path: Path) -> None:
    """An unpacked archive has no revision, and nobody can say that it is clean."""
    told = describe(tmp_path, STORE)
    assert (told["git_sha"], told["dirty"]) == ("", None)


def test_everything_that_is_promised_is_there(project: Path) -> None:
    """Packages by their version, the machine in figures, the store as it said of itself."""
    told = json.loads(json.dumps(describe(project, STORE)))
    assert set(told) == PROMISED
    assert set(told["packages"]) == set(PACKAGES)
    assert told["machine"]["cores"] >= 1
    assert told["machine"]["memory_bytes"] > 1 << 20
    assert told["store"] == {"kind": "valkey", "version": "9.1.2", "durability": "durable"}


def test_no_path_of_this_machine_is_recorded(project: Path) -> None:
    """A run folder may be given away."""
    text = json.dumps(describe(project, STORE))
    assert str(Path.home()) not in text
    assert str(project) not in text
