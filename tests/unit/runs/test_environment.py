"""The environment of a run is recorded, without the name of a person or a path."""

import json
import subprocess
from pathlib import Path

import pytest

from lab.model import StoreFacts
from lab.runs.environment import PACKAGES, describe

STORE = StoreFacts("valkey", "9.1.2", "durable")
PROMISED = {"git_sha", "dirty", "python", "packages", "machine", "store", "images"}


def git(project: Path, *arguments: str) -> str:
    """Run git with a name of its own, whatever this machine's configuration is."""
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
    """It is dirty when files differ from it."""
    clean = describe(project, STORE)
    assert (clean["git_sha"], clean["dirty"]) == (git(project, "rev-parse", "HEAD"), False)
    (project / "a.txt").write_text("b")
    assert describe(project, STORE)["dirty"] is True


def test_without_a_repository_nothing_is_claimed(tmp_path: Path) -> None:
    """An unpacked archive has no revision, and is neither clean nor dirty."""
    facts = describe(tmp_path, STORE)
    assert (facts["git_sha"], facts["dirty"]) == ("", None)


def test_every_promised_fact_is_there(project: Path) -> None:
    """Versions of packages, figures of the machine, the store's own facts."""
    facts = json.loads(json.dumps(describe(project, STORE)))
    assert set(facts) == PROMISED
    assert set(facts["packages"]) == set(PACKAGES)
    assert facts["machine"]["cores"] >= 1
    assert facts["machine"]["memory_bytes"] > 1 << 20
    assert facts["store"] == {"kind": "valkey", "version": "9.1.2", "durability": "durable"}


def test_no_path_of_this_machine_is_recorded(project: Path) -> None:
    """A run folder may be given away."""
    text = json.dumps(describe(project, STORE))
    assert str(Path.home()) not in text
    assert str(project) not in text
