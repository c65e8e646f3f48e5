"""Lets a command go on where stdout or stderr cannot take what it prints."""

from __future__ import annotations

import codecs
import errno
import io
import os
import sys
import unicodedata
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout, suppress
from typing import TYPE_CHECKING, Final, TextIO, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

PLAIN: Final = {
    "✓": "+", "✗": "x", "▇": "#", "░": ".", "→": "->", "←": "<-", "–": "-", "—": "-", "…": "...", "≥": ">=",
    "≤": "<=", "≠": "!=", "±": "+/-", "µ": "u", "μ": "u", "×": "x", "·": "-", "•": "-", "“": '"', "”": '"', "‘": "'",
    "’": "'", "−": "-", "∞": "inf", "\u00a0": " ", "\u202f": " ",
}  # fmt: skip
"""Character → what stands for it where a terminal has no such character."""
WITHOUT: Final = "?"
"""Stands for any other character."""
HANDLER: Final = "lab.plain"
GONE: Final = frozenset({errno.EPIPE, errno.EIO})
"""Errors of a write after the reader has gone, as with `lab … | head`, or after the terminal was closed."""


class Outlet(io.TextIOBase):
    """A stream that takes text for as long as it can; the first error is kept, and later text is dropped.

    Args:
        stream: Where the text goes; None where this program was started without that stream.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self.error: OSError | None = None
        if isinstance(stream, io.TextIOWrapper) and not _takes_all(stream.encoding):
            stream.reconfigure(errors=HANDLER)

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The encoding of the stream."""
        return getattr(self._stream, "encoding", None) or "utf-8"

    def writable(self) -> bool:
        """Return True."""
        return True

    def isatty(self) -> bool:
        """Return whether the stream is a terminal."""
        return self._stream is not None and self._stream.isatty()

    def fileno(self) -> int:
        """Return the descriptor of the stream.

        Raises:
            OSError: It has none.
        """
        if self._stream is None:
            raise io.UnsupportedOperation("fileno")
        return self._stream.fileno()

    def write(self, text: str) -> int:
        """Write text, or drop it."""
        if self._stream is not None and self.error is None:
            with self._keeping():
                self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Hand over what was written."""
        if self._stream is not None and self.error is None:
            with self._keeping():
                self._stream.flush()

    @property
    def is_lost(self) -> bool:
        """Whether text was lost that somebody could have read."""
        return self.error is not None and self.error.errno not in GONE

    @contextmanager
    def _keeping(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.error = error
            _to_nowhere(self._stream)


@contextmanager
def outlets() -> Iterator[Outlet]:
    """Yield the outlet that stands for stdout while the context lasts; another stands for stderr."""
    output, errors = Outlet(sys.stdout), Outlet(sys.stderr)
    with ExitStack() as stack:
        stack.enter_context(redirect_stdout(cast("TextIO", output)))
        stack.enter_context(redirect_stderr(cast("TextIO", errors)))
        try:
            yield output
        finally:
            output.flush()
            errors.flush()


def _to_nowhere(stream: TextIO | None) -> None:
    """Send what the stream still holds to nowhere, else Python tries to write it at its end, and exits with 120."""
    with suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, cast("TextIO", stream).fileno())
        os.close(nowhere)


def _takes_all(encoding: str | None) -> bool:
    """Return whether an encoding has all the characters that a command prints."""
    try:
        "".join(PLAIN).encode(encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _plain(error: UnicodeError) -> tuple[str, int]:
    """Return what stands for characters that an encoding lacks, and where encoding goes on."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_plain_character, error.object[error.start : error.end])), error.end


def _plain_character(character: str) -> str:
    letters = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    return PLAIN.get(character, letters or WITHOUT)


codecs.register_error(HANDLER, _plain)
