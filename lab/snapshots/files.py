"""Keeps snapshots in files."""

import json
import shlex
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from lab.errors import DataFault
from lab.snapshots.snapshot import Snapshot

SCHEMA: Final = 2
"""Version of the file that is written."""
READABLE: Final = (1, SCHEMA)
"""Versions that are read; a snapshot of version 1 is of a cluster, after a deployment."""
ANEW: Final = "lab diagnose --save FILE      (takes a snapshot of the stack as it is now)"
"""The next step where a file holds no snapshot that this lab reads."""


def save(snapshot: Snapshot, path: Path) -> None:
    """Write a snapshot as JSON.

    Raises:
        OSError: The file cannot be written.
    """
    content = TypeAdapter(Snapshot).dump_python(snapshot, mode="json")
    path.write_text(json.dumps({"schema": SCHEMA, "snapshot": content}, separators=(",", ":")) + "\n", encoding="utf-8")


def load(path: Path) -> Snapshot:
    """Return the snapshot that `save` wrote.

    Raises:
        DataFault: The file is missing, is no snapshot, or was written by another version.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        _check_schema(path, document)
        return TypeAdapter(Snapshot).validate_python(document["snapshot"])
    except OSError as error:
        step = f"ls -l {shlex.quote(str(path))}"
        raise _unread(path, error.strerror or str(error), step) from error
    except ValidationError as error:
        first = error.errors()[0]
        raise _unread(path, f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    except (ValueError, KeyError) as error:
        raise _unread(path, f"{type(error).__name__}: {error}") from error


def _check_schema(path: Path, document: object) -> None:
    schema = document.get("schema") if isinstance(document, dict) else None
    if schema not in READABLE:
        is_newer = isinstance(schema, int) and schema > SCHEMA
        step = "read it with the lab that wrote it, or with a newer one" if is_newer else ANEW
        raise _unread(path, f"it has schema {schema!r}, this lab reads {' and '.join(map(str, READABLE))}", step)


def _unread(path: Path, cause: str, next_step: str = ANEW) -> DataFault:
    return DataFault(f"cannot read a snapshot from {path}", found=cause, next_step=next_step)
