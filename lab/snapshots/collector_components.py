"""Components that the collector's releases renamed or removed, with what takes their place."""

from collections.abc import Mapping
from typing import Final, NamedTuple

OTLP: Final = ("otlp_grpc", "otlp")
OTLP_HTTP: Final = ("otlp_http", "otlphttp")


class Change(NamedTuple):
    """What became of a component.

    Attributes:
        successors: What takes its place, the newest name first.
        advice: What to do where no component of the same section takes its place; empty where one does.
        is_gone: Whether certainly no collector has it any more, so that a configuration with it need not be tried.
    """

    successors: tuple[str, ...] = ()
    advice: str = ""
    is_gone: bool = False


CHANGES: Final[Mapping[tuple[str, str], Change]] = {
    ("exporters", "logging"): Change(("debug",), is_gone=True),
    ("exporters", "otlp"): Change(OTLP),
    ("exporters", "otlp_grpc"): Change(OTLP),
    ("exporters", "jaeger"): Change(OTLP, is_gone=True),
    ("exporters", "jaeger_thrift"): Change(OTLP_HTTP),
    ("exporters", "loki"): Change(OTLP_HTTP),
    ("exporters", "opencensus"): Change(OTLP),
    ("exporters", "sapm"): Change(OTLP_HTTP),
    ("receivers", "opencensus"): Change(("otlp",)),
    ("extensions", "memory_ballast"): Change(
        ("GOMEMLIMIT",), "set GOMEMLIMIT in the collector's environment", is_gone=True
    ),
    ("processors", "spanmetrics"): Change(advice="the connector span_metrics replaces it"),
    ("processors", "servicegraph"): Change(advice="the connector service_graph replaces it"),
}
"""(section, component) → what became of it.

A name that only gained or lost underscores, as in the renamings of 2025 and 2026, needs no line here.
"""


def change_of(section: str, name: str) -> Change:
    """Return what became of a component; a change without content for a component that stayed.

    >>> change_of("exporters", "jaeger").successors, change_of("exporters", "debug").successors
    (('otlp_grpc', 'otlp'), ())
    """
    return CHANGES.get((section, name), Change())
