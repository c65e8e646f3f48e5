"""What the lab raises, by what a caller can do about it."""

from collections.abc import Sequence
from typing import ClassVar


class LabError(Exception):
    """Something was attempted and cannot be done; shown in at most five lines, without a traceback.

    Args:
        attempted: What could not be done, in one line.
        found: What was seen instead; three lines of it are shown.
        next_step: What to do, as something that can be pasted where possible.
    """

    exit_code: ClassVar[int] = 70
    code: ClassVar[str] = "LAB_ERROR"

    def __init__(self, attempted: str, *, found: str = "", next_step: str = "", code: str = "") -> None:
        super().__init__(attempted)
        self.attempted, self.found, self.next_step = attempted, found, next_step
        self.reason = code or self.code

    def __str__(self) -> str:
        """At most five lines: attempted, found, next step."""
        lines = [self.attempted, *(f"  {line}" for line in self.found.splitlines()[:3])]
        if self.next_step:
            lines.append(f"  do: {self.next_step}")
        return "\n".join(lines)

    def _render_traceback_(self) -> Sequence[str]:
        """What a notebook shows in place of a traceback."""
        return str(self).splitlines()


class UsageFault(LabError):
    """The caller asked for something that makes no sense."""

    exit_code = 64
    code = "BAD_USAGE"


class DataFault(LabError):
    """A file that was given, or that a run left, cannot be read."""

    exit_code = 65
    code = "BAD_DATA"


class Unavailable(LabError):
    """Something the lab needs is not running or not installed."""

    exit_code = 69
    code = "UNAVAILABLE"


class InternalFault(LabError):
    """The lab or a kernel broke."""

    exit_code = 70
    code = "BROKEN"


class Exists(LabError):
    """The place to write to is taken."""

    exit_code = 73
    code = "EXISTS"


class Forbidden(LabError):
    """Permission is missing."""

    exit_code = 77
    code = "FORBIDDEN"


class BadConfig(LabError):
    """The configuration cannot work."""

    exit_code = 78
    code = "BAD_CONFIG"
