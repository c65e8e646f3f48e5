"""Asks how far metrics come: ledger, collector, Prometheus."""

import re
import time
from collections.abc import Callable
from typing import Final

from lab.model import Balance
from lab.probes.ports import Ledger, NewestSamples
from lab.snapshots.answers import STILL_S, CollectorProbe, LastSample, LedgerProbe
from lab.waiting import Polls, let_pass
from services.contracts.signals import PROMISED

WATCH_S: Final = STILL_S + 1.0
"""How long a ledger is watched in which events wait."""
POLL_S: Final = 0.5
COUNTER: Final = re.compile(
    r"^otelcol_(?P<counter>receiver_accepted|exporter_sent|exporter_send_failed)_metric_points(?:__?\w+?)?(?:_total)?"
    r"\{(?P<labels>[^}]*)\} (?P<value>[0-9.e+]+)$",
    re.MULTILINE,
)
PROMISED_NAMES: Final = tuple(signal.prometheus_name for signal in PROMISED.values())


def watch_ledger(
    ledger: Ledger,
    *,
    patience_s: float = WATCH_S,
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], object] = let_pass,
) -> LedgerProbe:
    """Return the account of the whole store. While events wait, watch until one is counted or the patience ends.

    Args:
        ledger: The account.
        patience_s: Length of the longest watch, in seconds.
        clock: Returns monotonic seconds.
        pause: Lets so many seconds pass.

    Raises:
        LabError: The account cannot be read.
    """
    first = now = ledger.view("").balance
    polls = Polls(within_s=patience_s, every_s=POLL_S, clock=clock, pause=pause)
    while _stands_still(first, now) and polls.another():
        now = ledger.view("").balance
    still_s = polls.passed_s if _stands_still(first, now) else 0.0
    return LedgerProbe(now.accepted, now.counted, now.backlog, still_s)


def collector_counters(page: str) -> CollectorProbe | None:
    r"""Return the counters on a collector's own page of metrics; None for an empty page.

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
    for match in COUNTER.finditer(page):
        if 'exporter="debug' not in match["labels"]:
            counts[match["counter"]] += float(match["value"])
    return CollectorProbe(*(round(count) for count in counts.values()))


def last_samples(source: NewestSamples, names: tuple[str, ...] = PROMISED_NAMES) -> tuple[LastSample, ...]:
    """Return the newest sample of some metrics of each process; of the promised metrics unless given.

    Raises:
        LabError: The metrics cannot be read.
    """
    return tuple(LastSample(name, instance, at) for name in names for instance, at in source.newest(name).items())


def _stands_still(first: Balance, now: Balance) -> bool:
    return bool(now.backlog) and (first.counted, first.dead) == (now.counted, now.dead)
