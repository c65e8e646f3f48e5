"""Takes the answers of a Prometheus apart into rows: a row for each sample. Pure."""

from collections.abc import Iterator
from typing import Final, TypeAlias

Json: TypeAlias = "str | bool | list[Json] | dict[str, Json] | None"
"""A value of JSON. Numbers are text, so that they keep all their digits."""
JsonObject: TypeAlias = dict[str, Json]
NAME: Final = "__name__"
NAMELESS: Final = "value"
"""Kind of the series without a name, such as those of `rate(…)`."""


def samples_in(document: JsonObject) -> list[JsonObject] | None:
    """Return a row for each sample of an answer; None for a document that is no answer.

    An answer is that of `/api/v1/query` or `/api/v1/query_range`, or a line of `/api/v1/export`.

    >>> samples_in({"metric": {"__name__": "up"}, "value": ["1700000000", "1"]})
    [{'__name__': 'up', 'time': '1700000000', 'value': '1'}]
    """
    data = document.get("data")
    result = data.get("result") if isinstance(data, dict) else None
    answers: list[Json] = result if isinstance(result, list) else [document]
    rows: list[JsonObject] = []
    for series in answers:
        labels = series.get("metric") if isinstance(series, dict) else None
        if not isinstance(series, dict) or not isinstance(labels, dict):
            return None
        samples = _samples(series)
        pairs = [sample for sample in samples if isinstance(sample, list) and len(sample) == 2]
        if not pairs or len(pairs) < len(samples):
            return None
        rows += _rows(labels, pairs)
    return rows or None


def _samples(series: JsonObject) -> list[Json]:
    """Return the samples of a series: [seconds, value] each; nothing for a document that is no series."""
    values, millis = series.get("values"), series.get("timestamps")
    if not isinstance(values, list):
        return [series.get("value")]
    if isinstance(millis, list):
        return [[_seconds(time), value] for time, value in zip(millis, values, strict=False)]
    return values


def _seconds(millis: Json) -> Json:
    """Return milliseconds as seconds, to the last digit. What is no number stays as it is."""
    return f"{millis[:-3] or '0'}.{millis[-3:]}" if isinstance(millis, str) else millis


def _rows(labels: JsonObject, pairs: list[list[Json]]) -> Iterator[JsonObject]:
    for time, value in pairs:
        yield {NAME: NAMELESS, **labels, "time": time, "value": value}
