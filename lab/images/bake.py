"""Reads the bake file as docker buildx bake does: images, their platforms, their names."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import BaseModel, Field, ValidationError

from lab.errors import BadConfig
from lab.images.validation import first_mistake

FILE_NAME: Final = "docker-bake.json"
VARIABLE: Final = re.compile(r"\$\{([A-Z_]+)\}")
STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*"')
"""A string of JSON."""


@dataclass(frozen=True, slots=True)
class Target:
    """One image to build.

    Attributes:
        name: Name of the target.
        stage: Stage of the Dockerfile.
        platforms: Platforms that it is built for, such as `linux/arm64`.
        tags: Its names, with tags.
        args: Build arguments.
    """

    name: str
    stage: str
    platforms: tuple[str, ...]
    tags: tuple[str, ...]
    args: Mapping[str, str]


class _Variable(BaseModel, extra="forbid"):
    default: str = ""


class _Group(BaseModel, extra="forbid"):
    targets: list[str]


class _Target(BaseModel, extra="forbid"):
    inherits: list[str] = []
    dockerfile: str = ""
    target: str = ""
    platforms: list[str] = []
    tags: list[str] = []
    args: dict[str, str] = {}


class _File(BaseModel, extra="forbid"):
    variable: dict[str, _Variable]
    group: dict[str, _Group]
    target: dict[str, _Target] = Field(min_length=1)


def read_bake(path: Path, values: Mapping[str, str]) -> tuple[Target, ...]:
    """Return the targets of the group `default`, with *values* in place of the variables' defaults.

    Raises:
        BadConfig: The file is missing, or holds a field that this reader does not know.
    """
    file = _read(path)
    variables = {name: variable.default for name, variable in file.variable.items()} | dict(values)
    try:
        return tuple(_target(file, name, variables) for name in file.group["default"].targets)
    except KeyError as error:
        raise BadConfig(f"cannot use {path}", found=f"it names {error} and does not define it") from error


def default_of(path: Path, variable: str) -> str:
    """Return the default of a variable.

    Raises:
        BadConfig: The file cannot be read, or does not define the variable.
    """
    variables = _read(path).variable
    if variable not in variables:
        raise BadConfig(f"cannot use {path}", found=f"it does not define the variable {variable}")
    return variables[variable].default


def with_default(path: Path, variable: str, default: str) -> str:
    """Return the text of the file with another default of a variable, and every other character as it is.

    Raises:
        BadConfig: The file cannot be read, or has no default of the variable.
    """
    before = default_of(path, variable)
    wanted = _read(path).model_copy(deep=True)
    wanted.variable[variable].default = default
    text = path.read_bytes().decode()
    for string in STRING.finditer(text):
        changed = f"{text[: string.start()]}{json.dumps(default)}{text[string.end() :]}"
        if json.loads(string[0]) == before and _holds(changed, wanted):
            return changed
    raise BadConfig(f"cannot use {path}", found=f"it has no default of the variable {variable}")


def _holds(text: str, wanted: _File) -> bool:
    try:
        return _File.model_validate_json(text) == wanted
    except ValidationError:
        return False


def _read(path: Path) -> _File:
    try:
        return _File.model_validate_json(path.read_bytes())
    except OSError as error:
        raise BadConfig(f"cannot read {path}", found=str(error.strerror), next_step="cd to the project") from error
    except ValidationError as error:
        raise BadConfig(f"cannot use {path}", found=first_mistake(error)) from error


def _target(file: _File, name: str, values: Mapping[str, str]) -> Target:
    own = file.target[name]
    parts = [*(file.target[parent] for parent in own.inherits), own]
    fields = {field: getattr(part, field) for part in parts for field in part.model_fields_set}
    args = {key: value for part in parts for key, value in part.args.items()}
    return Target(
        name,
        stage=fields["target"],
        platforms=tuple(fields["platforms"]),
        tags=tuple(_filled(tag, values) for tag in fields["tags"]),
        args={key: _filled(value, values) for key, value in args.items()},
    )


def _filled(text: str, values: Mapping[str, str]) -> str:
    return VARIABLE.sub(lambda match: values[match[1]], text)
