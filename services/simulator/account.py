"""What became of every batch: times and outcomes in arrays, events by outcome in sums."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.contracts.generated.lab.simulator.v1 import simulator_pb2 as pb

NEVER: Final = np.iinfo(np.int64).min
RECENT_BATCHES: Final = 1_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a batch ended: `OUTCOME_…`, and whether ingest-api had accepted it before."""

    code: "pb.Outcome"
    duplicate: bool = False


class Account:
    """One row a batch; times are nanoseconds after the start.

    Attributes:
        intended_ns: When it was due.
        sent_ns: When it was first sent.
        completed_ns: When its outcome was known.
        events: How many it holds.
        outcome: `OUTCOME_…`.
    """

    def __init__(self, intended_ns: NDArray[np.int64], events: NDArray[np.int64]) -> None:
        number = len(intended_ns)
        self.intended_ns, self.events = intended_ns, events
        self.sent_ns = np.full(number, NEVER, np.int64)
        self.completed_ns = np.full(number, NEVER, np.int64)
        self.outcome = np.zeros(number, np.int8)
        self.attempts = self.sent_batches = self.completed_batches = 0
        self._duplicates = 0
        self._recent: list[int] = []

    def sent(self, number: int, at_ns: int) -> None:
        """A batch is sent for the first time."""
        self.sent_ns[number] = at_ns
        self.sent_batches += 1

    def completed(self, number: int, at_ns: int, outcome: Outcome) -> None:
        """Its outcome is known."""
        self.completed_ns[number] = at_ns
        self.outcome[number] = outcome.code
        self.completed_batches += 1
        if outcome.duplicate:
            self._duplicates += int(self.events[number])
        self._recent.append(number)
        if len(self._recent) > 2 * RECENT_BATCHES:
            del self._recent[:RECENT_BATCHES]

    @property
    def was_sent(self) -> NDArray[np.bool_]:
        """Which batches were sent."""
        sent: NDArray[np.bool_] = self.sent_ns != NEVER
        return sent

    def totals(self, *, intended: int) -> pb.Account:
        """Events by what became of them; *intended* events were due by now."""

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

    def recent_latency_ms(self) -> NDArray[np.float64]:
        """From the intended time, of the batches that were answered last."""
        numbers = np.array(self._recent[-RECENT_BATCHES:], np.int64)
        return (self.completed_ns[numbers] - self.intended_ns[numbers]) / 1e6

    def events_between(self, times_ns: NDArray[np.int64], from_ns: int, to_ns: int) -> int:
        """Events whose time in one of the arrays lies in a range."""
        return int(self.events[(times_ns >= from_ns) & (times_ns < to_ns)].sum())
