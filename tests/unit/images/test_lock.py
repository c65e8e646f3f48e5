"""The lock is written, read, and refused where it is damaged."""

import json
from pathlib import Path

import pytest

from lab.errors import DataFault, Unavailable
from lab.images.lock import ImageLock, read_lock, to_json, write_lock

A, B = (f"sha256:{letter * 64}" for letter in "ab")
LOCK = ImageLock(
    "registry.example:5000/team", "dev", {"simulator": {"arm64": B, "amd64": A}, "ingest-api": {"amd64": A}}
)


def test_what_was_written_is_read(tmp_path: Path) -> None:
    """The order of the images does not change the file."""
    write_lock(LOCK, tmp_path / "images.lock")
    assert read_lock(tmp_path / "images.lock") == LOCK
    reversed_lock = ImageLock(LOCK.registry, LOCK.tag, dict(reversed(list(LOCK.images.items()))))
    assert to_json(reversed_lock) == to_json(LOCK) == (tmp_path / "images.lock").read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["images.lock"]


def test_an_image_is_referred_to_by_digest_alone() -> None:
    """Without a tag nothing is left to choose."""
    assert LOCK.reference("simulator", "arm64") == f"registry.example:5000/team/simulator@{B}"
    assert set(LOCK.architectures("simulator")) == {"amd64", "arm64"}


@pytest.mark.parametrize(
    ("service", "architecture", "words"),
    [("ingest-api", "arm64", "ingest-api for arm64"), ("query-api", "amd64", "no image of query-api")],
)
def test_a_missing_image_is_named_with_those_that_are_there(service: str, architecture: str, words: str) -> None:
    """The error has a next step."""
    with pytest.raises(DataFault, match=words) as failure:
        LOCK.reference(service, architecture)
    assert failure.value.next_step.startswith("lab images")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"schema": 2}, "schema"),
        ({"images": {"simulator": {"amd64": "sha256:1234"}}}, "images.simulator.amd64"),
        ({"images": {"simulator": {"amd64": f"latest@{A}"}}}, "images.simulator.amd64"),
        ({"more": 1}, "more"),
    ],
)
def test_a_damaged_lock_is_not_used(tmp_path: Path, change: dict[str, object], words: str) -> None:
    """The error names the place in the file."""
    path = tmp_path / "images.lock"
    path.write_text(json.dumps(json.loads(to_json(LOCK)) | change))
    with pytest.raises(DataFault) as failure:
        read_lock(path)
    assert words in failure.value.found


def test_no_lock_yet(tmp_path: Path) -> None:
    """The error has the command that writes one."""
    with pytest.raises(Unavailable, match=r"no images\.lock yet"):
        read_lock(tmp_path / "images.lock")
