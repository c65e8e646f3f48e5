"""Whether the load generator kept its schedule, and who made it late (`ARCHITECTURE.md` D50).

A batch leaves late for one of three reasons. All slots were full, since the system did not answer: this is
back-pressure, and the system's. The machine stood still, or gave the generator no CPU. Otherwise the generator itself
was too slow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from lab.model import NANOS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from lab.model import Samples

IN_TIME_S: Final = 0.1
"""A batch that leaves at most this late has kept the schedule."""


class Schedule(NamedTuple):
    """How a generator kept its schedule, in events.

    Attributes:
        kept: Events that left in time.
        late: Events that the generator itself sent too late.
        held_back: Events that left too late because slots were full or the machine gave the generator no time.
        full_s: Seconds for which all slots were full.
        starved_s: Seconds for which the generator waited for a CPU.
    """

    kept: int
    late: int
    held_back: int
    full_s: float
    starved_s: float = 0.0

    @property
    def share(self) -> float:
        """Share of events in time among those that the generator could have sent in time; 1 where there is none."""
        judged = self.kept + self.late
        return self.kept / judged if judged else 1.0


def schedule_of(samples: Samples, pauses_s: Sequence[tuple[float, float]] = ()) -> Schedule:
    """Return how the generator kept its schedule.

    Args:
        samples: One row a batch.
        pauses_s: Stalls of the generator's machine: (end in seconds since the epoch, length in seconds).
    """
    delay_ns, own_ns = samples.sent_ns - samples.intended_ns, own_delay_ns(samples, pauses_s)
    allowed_ns = IN_TIME_S * NANOS
    in_time, late = delay_ns <= allowed_ns, own_ns > allowed_ns
    return Schedule(
        kept=int(samples.events[in_time].sum()),
        late=int(samples.events[late].sum()),
        held_back=int(samples.events[~in_time & ~late].sum()),
        full_s=float(samples.blocked_ns.sum() / NANOS),
        starved_s=float(samples.starved_ns.sum() / NANOS),
    )


def own_delay_ns(samples: Samples, pauses_s: Sequence[tuple[float, float]] = ()) -> NDArray[np.int64]:
    """Return the part of each batch's schedule delay for which the generator itself is to blame, in nanoseconds.

    Batches are sent one after the other. While a batch leaves later than its successor is due, the successor inherits
    the delay. Such a chain ends with the first batch that is due after its predecessor has left. The system or the
    machine is to blame for as much of a delay as it stopped the sending since its chain began; the rest is the
    generator's own.
    """
    if not len(samples):
        return np.empty(0, np.int64)
    delay_ns = np.maximum(0, samples.sent_ns - samples.intended_ns)
    begins = np.append(True, samples.sent_ns[:-1] <= samples.intended_ns[1:])
    chain_start = np.maximum.accumulate(np.where(begins, np.arange(len(samples)), 0))
    ends_ns, stopped_ns = _stops(samples, pauses_s)

    def stopped_until(time_ns: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.interp(time_ns, ends_ns, stopped_ns)

    excused_ns = stopped_until(samples.sent_ns) - stopped_until(samples.intended_ns[chain_start])
    own: NDArray[np.int64] = np.maximum(0, delay_ns - excused_ns).astype(np.int64)
    return own


def _stops(
    samples: Samples, pauses_s: Sequence[tuple[float, float]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return points in time, and for how long the sending had been stopped from outside until each; both rise.

    Times are nanoseconds after the start of the load.
    """
    full, starved = (_before_sends(samples, lengths) for lengths in (samples.blocked_ns, samples.starved_ns))
    pauses = (
        ((end_s - length_s) * NANOS - samples.started_ns, end_s * NANOS - samples.started_ns)
        for end_s, length_s in pauses_s
    )
    time_ns, stopped_ns = [0.0], [0.0]
    for start, end in sorted([*full, *starved, *pauses]):
        begin = max(start, time_ns[-1])
        if end > begin:
            time_ns += [begin, end]
            stopped_ns += [stopped_ns[-1], stopped_ns[-1] + end - begin]
    return np.array(time_ns), np.array(stopped_ns)


def _before_sends(samples: Samples, length_ns: NDArray[np.int64]) -> list[tuple[float, float]]:
    """Return start and end of the stops that end with the send of a batch, in nanoseconds after the start."""
    some = length_ns > 0
    return list(zip((samples.sent_ns - length_ns)[some].tolist(), samples.sent_ns[some].tolist(), strict=True))
