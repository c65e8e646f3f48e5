"""Whether metrics arrive, and whether events are counted."""

from collections.abc import Iterable
from typing import Final

from lab.snapshots.answers import STILL_S
from lab.snapshots.snapshot import Snapshot

FRESH_S: Final = 60.0
"""How old the newest sample of a metric may be, and how long a metric may take to arrive after the start."""


def fresh_samples(snapshot: Snapshot) -> frozenset[tuple[str, str]]:
    """Return metric and instance of every promised metric whose newest sample is fresh."""
    probe = snapshot.probes.prometheus
    samples = (probe.samples if probe else None) or ()
    return frozenset((sample.metric, sample.instance) for sample in samples if snapshot.taken_at - sample.at <= FRESH_S)


def no_sample(metrics: Iterable[str], url: str) -> str:
    """Return the evidence that a metrics server has no fresh sample of some metrics."""
    return f"no sample of {', '.join(metrics)} in the last {FRESH_S:.0f} s at {url}"


def events_that_wait(snapshot: Snapshot) -> str:
    """Return the evidence that events wait while none is counted; empty where some are, or where none waits."""
    ledger = snapshot.probes.ledger
    if ledger is None or not ledger.backlog or ledger.still_s < STILL_S:
        return ""
    return (
        f"{ledger.backlog:,} of {ledger.accepted:,} accepted events wait, and none was counted "
        f"in {ledger.still_s:.0f} s"
    )
