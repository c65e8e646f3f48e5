"""Accounts for every batch: times and outcomes in arrays, events by outcome as sums."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.contracts.generated.lab.simulator.v1 import simulator_pb2 as pb

NEVER: Final = np.iinfo(np.int64).min
RECENT_BATCHES: Final = 1_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """Outcome of a batch.

    Attributes:
        code: `OUTCOME_…`.
        duplicate: Whether ingest-api had accepted the batch before.
        reason: Code of the last refusal; empty where the batch was acknowledged.
        message: Text of the last refusal.
    """

    code: "pb.Outcome"
    duplicate: bool = False
    reason: str = ""
    message: str = ""


@dataclass(slots=True)
class Refusal:
    """Events that were refused for good for one reason, and the text of the first refusal."""

    events: int = 0
    message: str = ""


class Account:
    """One row per batch. Times are nanoseconds after the start.

    Attributes:
        intended_ns: When the batch is due.
        sent_ns: When it was first sent.
        completed_ns: When its outcome was known.
        blocked_ns: How long before its send it waited for a free slot.
        starved_ns: How long the sending thread had waited for a CPU since the send before.
        events: Number of its events.
        outcome: `OUTCOME_…`.
        attempts: Calls made, retries included.
    """

    def __init__(self, intended_ns: NDArray[np.int64], events: NDArray[np.int64]) -> None:
        number = len(intended_ns)
        self.intended_ns, self.events = intended_ns, events
        self.sent_ns = np.full(number, NEVER, np.int64)
        self.completed_ns = np.full(number, NEVER, np.int64)
        self.outcome = np.zeros(number, np.int8)
        self.blocked_ns, self.starved_ns = np.zeros(number, np.int64), np.zeros(number, np.int64)
        self.attempts = 0
        self._duplicates = 0
        self._refusals: dict[str, Refusal] = {}
        self._recent: list[int] = []

    def sent(self, number: int, at_ns: int, *, starved_ns: int = 0) -> None:
        """Record the first send of a batch, and how long its sender had waited for a CPU."""
        self.sent_ns[number], self.starved_ns[number] = at_ns, starved_ns

    def completed(self, number: int, at_ns: int, outcome: Outcome) -> None:
        """Record the outcome of a batch."""
        self.completed_ns[number] = at_ns
        self.outcome[number] = outcome.code
        if outcome.duplicate:
            self._duplicates += int(self.events[number])
        if outcome.code == pb.OUTCOME_REFUSED:
            refusal = self._refusals.setdefault(outcome.reason, Refusal(message=outcome.message))
            refusal.events += int(self.events[number])
        self._recent.append(number)
        if len(self._recent) > 2 * RECENT_BATCHES:
            del self._recent[:RECENT_BATCHES]

    @property
    def refusals(self) -> list[tuple[str, Refusal]]:
        """Reasons of refused events, the most frequent first."""
        return sorted(self._refusals.items(), key=lambda item: -item[1].events)

    @property
    def was_sent(self) -> NDArray[np.bool_]:
        """Whether each batch was sent."""
        sent: NDArray[np.bool_] = self.sent_ns != NEVER
        return sent

    def totals(self, *, intended: int) -> pb.Account:
        """Return the events by outcome; *intended* events were due."""

        def of(code: "pb.Outcome") -> int:
            return int(self.events[self.outcome == code].sum())

        return pb.Account(
            intended=intended,
            sent=int(self.events[self.was_sent].sum()),
            acknowledged=of(pb.OUTCOME_ACKNOWLEDGED),
            unknown=of(pb.OUTCOME_UNKNOWN),
            refused=of(pb.OUTCOME_REFUSED),
            duplicates=self._duplicates,
            attempts=self.attempts,
        )

    def blocked(self, number: int, blocked_ns: int) -> None:
        """Record how long a batch waited for a free slot."""
        self.blocked_ns[number] = blocked_ns

    def recent_latency_ms(self) -> NDArray[np.float64]:
        """Return the latency from the intended time of the last completed batches, at most 1,000."""
        numbers = np.array(self._recent[-RECENT_BATCHES:], np.int64)
        return (self.completed_ns[numbers] - self.intended_ns[numbers]) / 1e6

    def events_between(self, times_ns: NDArray[np.int64], from_ns: int, to_ns: int) -> int:
        """Return the events of the batches whose time in *times_ns* lies in a range."""
        return int(self.events[(times_ns >= from_ns) & (times_ns < to_ns)].sum())
