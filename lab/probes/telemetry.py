"""How far metrics come: the ledger moves, the collector takes and passes on, Prometheus has samples."""

import re
import threading
import time
from collections.abc import Callable
from typing import Final, Protocol

from lab.model import Balance, StoreView
from lab.snapshots.probes import CollectorProbe, LastSample, LedgerProbe

STILL_S: Final = 16.0
"""How long a ledger is watched in which events wait: a little longer than a worker may take over another's work."""
LOOK_S: Final = 0.5
COUNTER: Final = re.compile(
    r"^otelcol_(?P<what>receiver_accepted|exporter_sent|exporter_send_failed)_metric_points(?:__?\w+?)?(?:_total)?"
    r"\{(?P<labels>[^}]*)\} (?P<value>[0-9.e+]+)$",
    re.MULTILINE,
)


class Samples(Protocol):
    """The part of a metric source that says when a metric was last heard of."""

    def newest(self, name: str) -> dict[str, float]:
        """`instance` of every process with that metric → time of its newest sample, seconds since the epoch."""


class Ledger(Protocol):
    """The part of a ledger that is watched."""

    def view(self, run: str, *, audit: bool = False) -> StoreView:
        """The account; of the whole store when *run* is empty."""


def watch_ledger(
    ledger: Ledger, *, patience_s: float = STILL_S, clock: Callable[[], float] = time.monotonic
) -> LedgerProbe:
    """The account of the whole store; where events wait, watched until one of them is counted or patience ends."""
    first, begun, pause = ledger.view("").balance, clock(), threading.Event()
    now = first
    while _stands_still(first, now) and clock() - begun < patience_s:
        pause.wait(LOOK_S)
        now = ledger.view("").balance
    still_s = clock() - begun if _stands_still(first, now) else 0.0
    return LedgerProbe(now.accepted, now.counted, now.backlog, still_s)


def _stands_still(first: Balance, now: Balance) -> bool:
    return bool(now.backlog) and (first.counted, first.dead) == (now.counted, now.dead)


def collector_counters(page: str) -> CollectorProbe | None:
    r"""What a collector says of itself on its page of metrics; None where it says nothing.

    >>> lines = [
    ...     'otelcol_receiver_accepted_metric_points_total{receiver="otlp"} 20',
    ...     'otelcol_exporter_sent_metric_points_total{exporter="prometheusremotewrite"} 12',
    ...     'otelcol_exporter_sent_metric_points_total{exporter="debug"} 20',
    ... ]
    >>> collector_counters("\n".join(lines))
    CollectorProbe(received=20, sent=12, failed=0)
    """
    if not page:
        return None
    counts = {"receiver_accepted": 0.0, "exporter_sent": 0.0, "exporter_send_failed": 0.0}
    for found in COUNTER.finditer(page):
        if 'exporter="debug' not in found["labels"]:
            counts[found["what"]] += float(found["value"])
    return CollectorProbe(*(round(one) for one in counts.values()))


def last_samples(source: Samples, promised: tuple[str, ...]) -> tuple[LastSample, ...]:
    """The newest sample of each promised metric of each process."""
    return tuple(LastSample(name, instance, at) for name in promised for instance, at in source.newest(name).items())
