"""Writes log records as JSON lines on stderr, with their trace."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Final

from opentelemetry import trace

FIELD_LIMIT: Final = 8_192


class JsonLines(logging.Formatter):
    """Formats a record as one line. Control characters are escaped, long fields are cut."""

    def __init__(self, service: str, instance_id: str) -> None:
        super().__init__()
        self._always = {"service": service, "instance": instance_id}

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as a JSON object without line breaks."""
        fields = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": _cut(record.getMessage()),
            **self._always,
            **_trace_fields(),
        }
        if record.exc_info:
            fields["exception"] = _cut(self.formatException(record.exc_info))
        return json.dumps(fields)


def set_up_logs(service: str, instance_id: str, *, level: str) -> None:
    """Let every logger of this process write JSON lines to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines(service, instance_id))
    logging.basicConfig(handlers=[handler], level=level, force=True)
    logging.getLogger("grpc._cython.cygrpc").addFilter(is_worth_a_line)
    # The exporter would report an unreachable collector every second.
    logging.getLogger("opentelemetry").setLevel(logging.ERROR)


def is_worth_a_line(record: logging.LogRecord) -> bool:
    """Return whether a record of gRPC is logged.

    A header that is no UTF-8 would leave a traceback for each call; it is read as Latin-1.
    """
    return not str(record.msg).startswith("Invalid encoding")


def _trace_fields() -> dict[str, str]:
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return {}
    return {"trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}"}


def _cut(text: str) -> str:
    return text if len(text) <= FIELD_LIMIT else f"{text[:FIELD_LIMIT]}… ({len(text)} characters)"
