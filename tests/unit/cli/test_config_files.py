"""`lab registry config` and `lab rbac print`: files for others, printed or written."""

import json
from pathlib import Path

import pytest

from lab.cli import main
from lab.images.access import RegistryAccess
from lab.images.registry_config import config_files
from lab.settings import environment_with
from lab.targets.kubernetes.rendering.rbac import render_rbac

HOST = "registry.example:5000"
FILES = config_files(RegistryAccess(HOST))


@pytest.fixture(autouse=True)
def registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """A registry is configured."""
    monkeypatch.setenv("LAB_REGISTRY", HOST)


def test_every_file_is_printed_below_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    """A program gets the same as JSON."""
    assert main(["registry", "config"]) == 0
    assert capsys.readouterr().out == "\n".join(f"# ---- {file.name}\n{file.content}" for file in FILES)
    assert main(["registry", "config", "--json"]) == 0
    assert [file["text"] for file in json.loads(capsys.readouterr().out)] == [file.text for file in FILES]


def test_files_are_written_into_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is made where it is missing; stderr tells of each file."""
    folder = tmp_path / "a" / "b"
    assert main(["registry", "config", "--write", str(folder)]) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert [line.split() for line in captured.err.splitlines()] == [
        ["wrote", str(folder / file.name)] for file in FILES
    ]
    assert {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()} == {
        file.name: file.content for file in FILES
    }


def test_a_folder_that_cannot_be_written_is_a_short_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is the user's to choose another."""
    (tmp_path / "file").touch()
    folder = tmp_path / "file" / "folder"
    assert main(["registry", "config", "--write", str(folder)]) == 64
    assert capsys.readouterr().err.splitlines() == [f"lab: cannot write {folder}", "  Not a directory      (exit 64)"]


@pytest.mark.parametrize(
    ("setting", "arguments", "namespace"),
    [("", [], "testbed"), ("mine", [], "mine"), ("mine", ["--namespace", "other"], "other")],
)
def test_rights_are_for_the_configured_namespace(
    setting: str, arguments: list[str], namespace: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Unless another is named."""
    with environment_with(**({"LAB_NAMESPACE": setting} if setting else {})):
        assert main(["rbac", "print", *arguments]) == 0
    assert capsys.readouterr().out == render_rbac(namespace=namespace, user="lab-user")
