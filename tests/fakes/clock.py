"""A clock on which a test need not wait."""

from dataclasses import dataclass, field


@dataclass
class FakeClock:
    """Shows monotonic seconds, which go on only where somebody pauses.

    Attributes:
        now_s: The time.
        pauses: Lengths of all pauses in seconds, the oldest first.
    """

    now_s: float = 0.0
    pauses: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        """Return the time."""
        return self.now_s

    def pause(self, seconds: float) -> None:
        """Let so many seconds pass at once."""
        self.now_s += seconds
        self.pauses.append(seconds)
