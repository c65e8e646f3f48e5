"""Writes and reads plain selectors of PromQL, `name{label="value"}`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

SELECTOR: Final = re.compile(r"\s*([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(?:\{(.*)\})?\s*", re.DOTALL)
MATCHER: Final = re.compile(r'\s*([a-zA-Z_]\w*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*(?:,|$)', re.ASCII)
ESCAPE: Final = re.compile(r"\\(.)")
NAME_LABEL: Final = "__name__"
"""The label of a series that holds the name of its metric."""


class Selector(NamedTuple):
    """The name of a metric, and labels with the value that each must have."""

    name: str
    labels: Mapping[str, str]

    def selects(self, name: str, labels: Mapping[str, str]) -> bool:
        """Tell whether a series is selected; a label that the series lacks counts as empty."""
        return name == self.name and all(labels.get(label, "") == value for label, value in self.labels.items())


def selector(name: str, labels: Mapping[str, str] | None = None) -> str:
    """Return the selector of a metric's series with these labels.

    >>> selector("up", {"job": "lab/ingest-api"})
    'up{job="lab/ingest-api"}'
    """
    inside = ",".join(f"{label}={label_value(value)}" for label, value in sorted((labels or {}).items()))
    return f"{name}{{{inside}}}" if inside else name


def label_value(value: str) -> str:
    r"""Return a label's value as PromQL quotes it.

    >>> print(label_value('a "b" \\ c'))
    "a \"b\" \\ c"
    """
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def parse_selector(promql: str) -> Selector | None:
    """Return a plain selector's parts; None for any other expression.

    >>> parse_selector('up{job="lab/ingest-api"}')
    Selector(name='up', labels={'job': 'lab/ingest-api'})
    >>> parse_selector("rate(up[5s])")
    """
    match = SELECTOR.fullmatch(promql)
    if match is None:
        return None
    inside, labels, at = (match[2] or "").strip(), {}, 0
    while at < len(inside):
        matcher = MATCHER.match(inside, at)
        if matcher is None:
            return None
        labels[matcher[1]] = ESCAPE.sub(lambda escaped: {"n": "\n"}.get(escaped[1], escaped[1]), matcher[2])
        at = matcher.end()
    return Selector(match[1], labels)


def without_name(labels: Mapping[str, str]) -> dict[str, str]:
    """Return the labels of a series, without the name of its metric.

    >>> without_name({"__name__": "up", "job": "lab/ingest-api"})
    {'job': 'lab/ingest-api'}
    """
    return {label: value for label, value in labels.items() if label != NAME_LABEL}
