"""Reads the files of a stack, which another version of the lab may have written."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from lab.errors import DataFault

Kind = TypeVar("Kind")


def known(kind: Callable[..., Kind], fields: Mapping[str, Any]) -> Kind:
    """Return a value of a type with fields, from those fields that the type has."""
    names = inspect.signature(kind).parameters
    return kind(**{name: value for name, value in fields.items() if name in names})


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn the errors of a context that reads a file of a stack into a DataFault with the way out."""
    try:
        yield
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        other = f"{path.name} is damaged, or another version of the lab wrote it"
        raise DataFault(f"cannot read the stack in {path.parent}", found=other, next_step="lab clean") from error
