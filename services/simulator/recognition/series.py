"""Finds series that would be merged, since a column that tells them apart has no role."""

import re
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from services.simulator.recognition.events import Events
from services.simulator.recognition.forms import Form, Forms
from services.simulator.recognition.options import spelled
from services.simulator.recognition.roles import Roles
from services.simulator.recognition.samples import is_text
from services.simulator.recognition.time_columns import PARTS
from services.simulator.source import SourceFault
from services.simulator.tables.table import counted, listed

ID: Final = re.compile(
    r"(?:.*[\s_.\-/])?(?:id|no|nr|num|number|idx|index|cpu|core|channel|port|pid|slot|zone|unit|qos)|.*[a-z](?:Id|ID|No|Nr)"
)
"""Names of columns whose numbers name something."""
WHOLE: Final = r"^-?\d+$"
Numbers = NDArray[np.int64]


class _Label(NamedTuple):
    """A column that may tell series apart: its name, the number of each event's text, the number of texts."""

    name: str
    number: Numbers
    texts: int


def check_series(forms: Forms, roles: Roles, events: Events, path: Path) -> None:
    """Raise SourceFault where events repeat time, source and kind, and a column without a role tells them apart.

    Where the caller or the shape of the file says what tells series apart, a repetition is meant.
    """
    labels = [] if roles.is_told else _labels(forms, roles, events)
    if not labels:
        return
    texts = {label.name: label.texts for label in labels}
    key = _joined(_joined(_numbered(events.time_ns), events.source), events.kind)
    repeated = len(events) - _distinct(key)
    apart: list[str] = []
    while _distinct(key) < len(events):
        keys = {label.name: _joined(key, label.number) for label in labels if label.name not in apart}
        best = max(keys, key=lambda name: (_distinct(keys[name]), -texts[name]), default="")
        if not best or _distinct(keys[best]) == _distinct(key):
            break
        key = keys[best]
        apart.append(best)
    if apart:
        raise _fault(path, roles, apart, repeated)


def _fault(path: Path, roles: Roles, apart: list[str], repeated: int) -> SourceFault:
    names = f"{listed(apart)} tell{'s' if len(apart) == 1 else ''}"
    message = f"{path}: {names} apart {counted(repeated, 'event')} with the time, source and kind of another"
    merged = f'or merge them: columns="source={"+".join(roles.source)}"'
    return SourceFault("MERGED_SERIES", f"{message}\n{spelled(source=(*roles.source, *apart))}\n{merged}")


def _labels(forms: Forms, roles: Roles, events: Events) -> list[_Label]:
    """Return the columns that may tell series apart: texts without a role, and numbers that name something."""
    columns = forms.table.columns
    left_out = [name for name in roles.left_out if name in columns]
    texts = [name for name in left_out if name.lower() not in PARTS and _is_text(forms, name)]
    names = dict.fromkeys([*texts, *(name for name in (*roles.values, *left_out) if _is_id(forms, name))])
    return [_Label(name, *_numbers(columns[name], events)) for name in names]


def _is_text(forms: Forms, name: str) -> bool:
    return is_text(forms.table.columns[name]) and forms.of(name) is Form.OTHER


def _is_id(forms: Forms, name: str) -> bool:
    is_named = ID.fullmatch(name) or ID.fullmatch(name.lower())
    return is_named is not None and forms.holds(name, WHOLE)


def _numbers(column: pa.Array, events: Events) -> tuple[Numbers, int]:
    """Return the number of each event's text, and how many texts there are."""
    encoded = pc.fill_null(column.cast(pa.string()), "").dictionary_encode()
    number: Numbers = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return number[events.row], len(encoded.dictionary)


def _numbered(keys: Numbers) -> Numbers:
    """Return numbers from 0, equal for equal keys."""
    return np.unique(keys, return_inverse=True)[1]


def _joined(first: Numbers, second: NDArray[np.integer]) -> Numbers:
    """Return numbers from 0, equal where both are equal."""
    return _numbered(first * (int(second.max()) + 1) + second)


def _distinct(numbers: Numbers) -> int:
    """Return how many numbers there are, which begin with 0."""
    return int(numbers.max()) + 1
