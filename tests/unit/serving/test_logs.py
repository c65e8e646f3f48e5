"""Every log record is one line of JSON, whatever text a caller put into it."""

import json
import logging

from hypothesis import given
from hypothesis import strategies as st

from services.serving.logs import FIELD_LIMIT, JsonLines, is_worth_a_line

LINES = JsonLines("a-service", "an-instance")
ENDS_OF_LINES = "\r\n\v\f\x1c\x1d\x1e\x85\u2028\u2029\x1b[31m\x00"


def formatted(text: str) -> str:
    """Return the line of a warning with this text."""
    return LINES.format(logging.LogRecord("a.logger", logging.WARNING, "a.py", 1, "sent: %s", (text,), None))


@given(st.text(st.one_of(st.characters(), st.sampled_from(ENDS_OF_LINES))))
def test_any_text_stays_in_its_line(text: str) -> None:
    """No text begins another line or an escape sequence of a terminal, and none changes another field."""
    line = formatted(text)

    assert line.isascii()
    assert line.isprintable()
    fields = json.loads(line)
    assert fields["message"] == f"sent: {text}"
    assert (fields["level"], fields["service"], fields["instance"]) == ("WARNING", "a-service", "an-instance")


def test_a_long_text_is_cut() -> None:
    """Its length is told."""
    line = formatted("x" * 1_000_000)

    assert len(line) < 2 * FIELD_LIMIT
    assert "… (1000006 characters)" in json.loads(line)["message"]


def test_a_record_of_grpc_whose_message_is_no_text_is_logged() -> None:
    """A library may log an exception itself; only the note on a header's encoding is left out."""
    kept, left_out = (
        logging.LogRecord("grpc._cython.cygrpc", logging.ERROR, "a.py", 1, message, (), None)
        for message in (ValueError("no"), "Invalid encoding found in metadata")
    )

    assert is_worth_a_line(kept)
    assert not is_worth_a_line(left_out)
