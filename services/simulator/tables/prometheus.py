"""Takes the answers of a Prometheus apart into rows: a row for each sample. Pure."""

from collections.abc import Iterator
from typing import Any, Final

NAME: Final = "__name__"
NAMELESS: Final = "value"
"""Kind of the series without a name, such as those of `rate(…)`."""


def samples_in(document: dict[str, Any]) -> list[dict[str, Any]] | None:
    """Return a row for each sample of an answer; None for a document that is no answer.

    An answer is that of `/api/v1/query` or `/api/v1/query_range`, or a line of `/api/v1/export`.
    """
    data = document.get("data")
    result = data.get("result") if isinstance(data, dict) else None
    series = result if isinstance(result, list) else [document]
    if not series or not all(map(_is_series, series)):
        return None
    return [row for labelled in series for row in _rows(labelled)]


def _is_series(series: object) -> bool:
    if not isinstance(series, dict) or not isinstance(series.get("metric"), dict):
        return False
    samples = _samples(series)
    return bool(samples) and all(isinstance(sample, list) and len(sample) == 2 for sample in samples)


def _samples(series: dict[str, Any]) -> list[Any]:
    """Return the samples of a series: [seconds, value] each; nothing for a document that is no series."""
    values, millis = series.get("values"), series.get("timestamps")
    if not isinstance(values, list):
        return [series.get("value")]
    if isinstance(millis, list):
        return [[_seconds(time), value] for time, value in zip(millis, values, strict=False)]
    return values


def _seconds(millis: str) -> str:
    """Return milliseconds as seconds, to the last digit."""
    return f"{millis[:-3] or '0'}.{millis[-3:]}"


def _rows(series: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for time, value in _samples(series):
        yield {NAME: NAMELESS, **series["metric"], "time": time, "value": value}
