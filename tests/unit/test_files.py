"""A file is replaced whole or not at all, and so is a folder made."""

import stat
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from lab.files import new_folder, remove_folder, replaced, sync, write_text

STANDARD: Final = frozenset(sys.stdlib_module_names)


def contents(folder: Path) -> dict[str, str]:
    """Return the names and texts of a folder's files."""
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_readers_see_the_old_file_until_the_new_one_is_whole(tmp_path: Path) -> None:
    """The draft lies beside the file, under a hidden name."""
    file = tmp_path / "a.json"
    file.write_text("old")
    with replaced(file) as draft:
        draft.write_text("new")
        assert file.read_text() == "old"
        assert (draft.parent, draft.name[0]) == (tmp_path, ".")
    assert contents(tmp_path) == {"a.json": "new"}


def test_a_reader_that_has_the_old_file_open_keeps_it(tmp_path: Path) -> None:
    """The file is replaced, and never written into."""
    file = tmp_path / "a.json"
    file.write_text("old")
    with file.open() as reader:
        write_text(file, "new")
        assert reader.read() == "old"


@pytest.mark.parametrize("durable", [False, True])
def test_a_failing_write_leaves_the_old_file(tmp_path: Path, *, durable: bool) -> None:
    """No draft is left beside it."""
    file = tmp_path / "a.json"
    file.write_text("old")

    def write_half() -> None:
        with replaced(file, durable=durable) as draft:
            draft.write_text("ne")
            raise OSError("no room")

    with pytest.raises(OSError, match="no room"):
        write_half()
    assert contents(tmp_path) == {"a.json": "old"}


def test_a_draft_that_nobody_wrote_replaces_nothing(tmp_path: Path) -> None:
    """There is nothing to put in place."""
    file = tmp_path / "a.json"
    file.write_text("old")
    with pytest.raises(FileNotFoundError), replaced(file):
        pass
    assert contents(tmp_path) == {"a.json": "old"}


def test_a_secret_is_never_readable_by_others(tmp_path: Path) -> None:
    """The draft has its mode before it has its text, whatever mode the old file had."""
    file = tmp_path / "password"
    file.write_text("old")
    file.chmod(0o644)
    with replaced(file, mode=0o600) as draft:
        assert stat.S_IMODE(draft.stat().st_mode) == 0o600
        draft.write_text("secret")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_without_a_mode_a_file_is_like_any_new_file(tmp_path: Path) -> None:
    """Users who may read other files may read it."""
    (tmp_path / "other").touch()
    write_text(tmp_path / "a", "é", durable=True)
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "other").stat().st_mode
    assert (tmp_path / "a").read_bytes() == "é".encode()


def test_two_writers_of_one_file_do_not_share_a_draft(tmp_path: Path) -> None:
    """Each replaces the file whole; the later one stays."""
    file = tmp_path / "a"
    with replaced(file) as first, replaced(file) as second:
        first.write_text("first")
        second.write_text("second")
    assert contents(tmp_path) == {"a": "first"}


def test_a_folder_is_removed_with_everything_in_it(tmp_path: Path) -> None:
    """The caller learns the size of its files; there is nothing to remove the second time."""
    (tmp_path / "cache" / "programs").mkdir(parents=True)
    (tmp_path / "cache" / "a").write_text("abc")
    (tmp_path / "cache" / "programs" / "b").write_text("de")
    assert remove_folder(tmp_path / "cache") == 5
    assert not (tmp_path / "cache").exists()
    assert remove_folder(tmp_path / "cache") == 0


def test_a_folder_appears_with_everything_in_it(tmp_path: Path) -> None:
    """Folders above it are made."""
    with new_folder(tmp_path / "runs" / "a") as draft:
        (draft / "run.json").write_text("{}")
        assert not (tmp_path / "runs" / "a").exists()
    assert contents(tmp_path / "runs" / "a") == {"run.json": "{}"}
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["a"]


def test_a_folder_that_fails_leaves_nothing(tmp_path: Path) -> None:
    """The draft goes with all its files."""

    def make_half() -> None:
        with new_folder(tmp_path / "a") as draft:
            (draft / "half").touch()
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        make_half()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_never_replaces_another(tmp_path: Path) -> None:
    """The one that is there stays as it is."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "kept").write_text("old")
    with pytest.raises(OSError, match="not empty"), new_folder(tmp_path / "a") as draft:
        (draft / "new").touch()
    assert contents(tmp_path / "a") == {"kept": "old"}
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_files_and_folders_can_be_synced(tmp_path: Path) -> None:
    """What is not there cannot."""
    (tmp_path / "a").touch()
    sync(tmp_path / "a")
    sync(tmp_path)
    with pytest.raises(FileNotFoundError):
        sync(tmp_path / "none")


def test_the_module_needs_the_standard_library_alone() -> None:
    """A supervisor imports it, and it starts with every stack."""
    source = Path(sys.modules["lab.files"].__file__ or "").read_text(encoding="utf-8")
    imported = {
        line.split()[1].partition(".")[0] for line in source.splitlines() if line.startswith(("import ", "from "))
    }
    assert imported <= STANDARD


def test_a_killed_writer_leaves_the_old_file(tmp_path: Path) -> None:
    """Only a hidden draft tells of it."""
    file = tmp_path / "a"
    file.write_text("old")
    code = f"""
import os, signal
from pathlib import Path
from typing import Final
from lab.files import replaced
with replaced(Path({str(file)!r})) as draft:
    draft.write_text("ne")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", code], check=False, timeout=30)
    assert done.returncode == -9
    assert file.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir() if not path.name.startswith(".")] == ["a"]
