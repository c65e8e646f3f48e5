"""Writes files to replay, and reads the events that they become."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import pytest

from services.simulator.source import SourceFault
from services.simulator.sources.replay import ReplaySource, open_replay

SECOND: Final = 1_000_000_000
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
COLUMNS: Final = re.compile(r"columns=(?:\"([^\"]*)\"|'([^']*)')")
"""The advice in a message."""


class Event(NamedTuple):
    """An event of a file; the time is text such as `2026-11-20 10:00:00`, with nine decimals where it has any."""

    source: str
    kind: str
    time: str
    value: float


class Fault(NamedTuple):
    """Why a file is refused: a code for programs, and the message."""

    reason: str
    message: str

    @property
    def advice(self) -> str:
        """The first `columns=` that the message offers."""
        match = COLUMNS.search(self.message)
        assert match is not None, self.message
        return match[1] or match[2] or ""


def write(folder: Path, name: str, content: str | bytes) -> Path:
    """Write a file and return its path."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def events_of(source: ReplaySource) -> list[Event]:
    """Return all events of a source."""
    columns = source.take(np.zeros(len(source), np.int64))
    numbers = zip(columns.source_index, columns.kind_index, columns.time_ns, columns.value, strict=True)
    return [Event(columns.sources[s], columns.kinds[k], moment(int(t)), float(v)) for s, k, t, v in numbers]


def events_in(path: Path, columns: str = "") -> list[Event]:
    """Return the events of a file."""
    return events_of(open_replay(str(path), columns))


def fault_of(path: Path, columns: str = "") -> Fault:
    """Return why a file is refused."""
    with pytest.raises(SourceFault) as refused:
        open_replay(str(path), columns)
    assert not refused.value.is_missing
    assert len(str(refused.value).splitlines()) <= 3
    return Fault(refused.value.reason, str(refused.value))


def moment(time_ns: int) -> str:
    """Return a time as text.

    >>> moment(1_500_000_000)
    '1970-01-01 00:00:01.500000000'
    """
    seconds, nanos = divmod(time_ns, SECOND)
    return f"{EPOCH + timedelta(seconds=seconds):%Y-%m-%d %H:%M:%S}" + (f".{nanos:09d}" if nanos else "")
