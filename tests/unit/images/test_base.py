"""The base image is written into the bake file, of which all else stays as it is."""

from pathlib import Path

import pytest

from lab.errors import BadConfig
from lab.images.bake import FILE_NAME
from lab.images.base import base_of, write_base

REFERENCE = f"r.example/python:3@sha256:{'a' * 64}"
REST = (
    '"group": {"default": {"targets": ["python:3"]}},\r\n "target": {"python:3": {"args": {"BASE": "python:3"}}}}\r\n'
)


def project(folder: Path, variables: str) -> Path:
    """Write a bake file with some variables; its other parts name the base image, too."""
    (folder / FILE_NAME).write_bytes(f'{{"variable": {{{variables}}},\r\n {REST}'.encode())
    return folder


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"TAG": {"default": "python:3"}, "BASE": {"default": "python:3"}', '"TAG": {"default": "python:3"}, "BASE": '),
        ('"python:3": {"default": "x"}, "BASE":{ "default" : "python:3"}', '"python:3": {"default": "x"}, "BASE":'),
        ('"BASE": {"default": "python\\u003a3"}, "TAG": {"default": "python:3"}', '"BASE": '),
    ],
    ids=["another variable of that text", "a name of that text", "escaped"],
)
def test_only_the_default_of_the_base_is_replaced(before: str, after: str, tmp_path: Path) -> None:
    """Byte for byte, whatever else in the file has the same text."""
    folder = project(tmp_path, before)
    old = (folder / FILE_NAME).read_bytes().decode()
    write_base(folder, REFERENCE)
    new = (folder / FILE_NAME).read_bytes().decode()
    assert base_of(folder) == REFERENCE
    assert new.startswith(f'{{"variable": {{{after}')
    assert new.endswith(f",\r\n {REST}")
    start = new.index(REFERENCE)
    rest = new[start + len(REFERENCE) :]
    assert old.startswith(new[:start])
    assert old.endswith(rest)


@pytest.mark.parametrize("variables", ['"TAG": {"default": "python:3"}', '"TAG": {"default": ""}, "BASE": {}'])
def test_a_bake_file_without_a_default_is_refused_and_stays(variables: str, tmp_path: Path) -> None:
    """No other text becomes the base image."""
    folder = project(tmp_path, variables)
    before = (folder / FILE_NAME).read_bytes()
    with pytest.raises(BadConfig, match=r"cannot use .*"):
        write_base(folder, REFERENCE)
    assert (folder / FILE_NAME).read_bytes() == before
