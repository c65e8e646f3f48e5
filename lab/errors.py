"""Errors that the lab raises, one class for each exit code; the causes of any error."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Final


class LabError(Exception):
    """An attempt failed; shown in at most five lines, without a traceback.

    Args:
        attempted: The attempt that failed, in one line.
        found: The cause; three lines of it are shown.
        next_step: The next step, a command that can be pasted where possible.
        code: The reason, for programs; the class's code unless given.
    """

    exit_code: ClassVar[int] = 70
    code: ClassVar[str] = "LAB_ERROR"

    def __init__(self, attempted: str, *, found: str = "", next_step: str = "", code: str = "") -> None:
        super().__init__(attempted)
        self.attempted, self.found, self.next_step = attempted, found, next_step
        self.reason = code or self.code

    def __str__(self) -> str:
        """Return at most five lines: attempted, found, next step."""
        lines = [self.attempted, *(f"  {line}" for line in self.found.splitlines()[:3])]
        if self.next_step:
            lines.append(f"  do: {self.next_step}")
        return "\n".join(lines)

    def _render_traceback_(self) -> Sequence[str]:
        """Return the lines that a notebook shows in place of a traceback."""
        return str(self).splitlines()


class UsageFault(LabError):
    """The caller asked for something that cannot be done."""

    exit_code = 64
    code = "BAD_USAGE"


class DataFault(LabError):
    """A file of the user or of a run cannot be read."""

    exit_code = 65
    code = "BAD_DATA"


class Unavailable(LabError):
    """Something that the lab needs is not running or not installed."""

    exit_code = 69
    code = "UNAVAILABLE"


class InternalFault(LabError):
    """The lab or a kernel failed."""

    exit_code = 70
    code = "BROKEN"


class Exists(LabError):
    """The target of a write exists already."""

    exit_code = 73
    code = "EXISTS"


class NotWritten(LabError):
    """A file or a stream takes no more."""

    exit_code = 74
    code = "NOT_WRITTEN"


class Forbidden(LabError):
    """A permission is missing."""

    exit_code = 77
    code = "FORBIDDEN"


class BadConfig(LabError):
    """A setting cannot be used."""

    exit_code = 78
    code = "BAD_CONFIG"


KINDS: Final[Mapping[str, type[LabError]]] = {
    kind.__name__: kind
    for kind in (LabError, UsageFault, DataFault, Unavailable, InternalFault, Exists, NotWritten, Forbidden, BadConfig)
}
"""Class name in data → class."""


def to_data(error: LabError) -> dict[str, object]:
    """Return an error as plain values for JSON; a class that has no name in `KINDS` is named after its base.

    >>> to_data(UsageFault("no such run", next_step="lab runs list"))["kind"]
    'UsageFault'
    """
    return {
        "kind": next(kind.__name__ for kind in type(error).__mro__ if KINDS.get(kind.__name__) is kind),
        "attempted": error.attempted,
        "found": error.found,
        "next_step": error.next_step,
        "code": error.reason,
        "exit_code": error.exit_code,
    }


def from_data(data: Mapping[str, Any]) -> LabError:
    """Return the error that `to_data` described."""
    return KINDS[data["kind"]](data["attempted"], found=data["found"], next_step=data["next_step"], code=data["code"])


def causes_of(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, then each error behind it, the nearest first.

    >>> error = RuntimeError("cannot start")
    >>> error.__cause__ = OSError("no such file")
    >>> [type(cause).__name__ for cause in causes_of(error)]
    ['RuntimeError', 'OSError']
    """
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__
