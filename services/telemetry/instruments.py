"""Records the declared signals of one service."""

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from opentelemetry.metrics import CallbackOptions, Histogram, Meter, Observation

from services.contracts.signals import LATENCY_BOUNDARIES, SIGNALS, Signal

NO_LABELS: Final[Mapping[str, str]] = {}


class Undeclared(LookupError):
    """`contracts/signals.py` does not declare this signal, or this label or attribute of it."""


class Tally:
    """The totals of one counter by the values of its labels, read whenever metrics are collected.

    Adding costs a tenth of the SDK's own counter, measured: that one checks and hashes its attributes every time.
    """

    def __init__(self, signal: Signal) -> None:
        self._labels = signal.labels
        self._amounts: dict[tuple[str, ...], float] = {} if signal.labels else {(): 0}
        self._lock = threading.Lock()

    def add(self, amount: float, labels: Mapping[str, str]) -> None:
        """Add to the total of some labels. Raises KeyError where a label is missing."""
        key = tuple([labels[name] for name in self._labels])
        with self._lock:
            self._amounts[key] = self._amounts.get(key, 0) + amount

    def observe(self, _options: CallbackOptions) -> Iterable[Observation]:
        """Return the total of every combination of labels so far."""
        with self._lock:
            amounts = list(self._amounts.items())
        return [Observation(amount, dict(zip(self._labels, key, strict=True))) for key, amount in amounts]


class Instruments:
    """Records declared signals; anything else raises `Undeclared`.

    Counters without labels exist from the start, at 0, so that a dashboard shows a quiet service as quiet (D18).
    """

    def __init__(self, meter: Meter, service: str) -> None:
        self._meter, self._service = meter, service
        self._signals = {signal.name: signal for signal in SIGNALS[service]}
        self._tallies: dict[str, Tally] = {}
        self._histograms: dict[str, Histogram] = {}
        self._observed: set[str] = set()
        for signal in SIGNALS[service]:
            self._create(signal)

    def _create(self, signal: Signal) -> None:
        if signal.instrument == "histogram":
            self._histograms[signal.name] = self._meter.create_histogram(
                signal.name,
                signal.unit,
                signal.meaning,
                explicit_bucket_boundaries_advisory=LATENCY_BOUNDARIES,
            )
        elif signal.instrument == "counter" and not signal.name.startswith("process."):
            tally = self._tallies[signal.name] = Tally(signal)
            self._meter.create_observable_counter(signal.name, [tally.observe], signal.unit, signal.meaning)

    def declare(self, signal: Signal, labels: Mapping[str, str]) -> None:
        """Let a labelled counter exist at 0 for these labels."""
        self.add(signal, 0, labels)

    def add(self, signal: Signal, amount: float, labels: Mapping[str, str] = NO_LABELS) -> None:
        """Add to a counter."""
        tally = self._tallies.get(signal.name)
        if tally is None or len(labels) != len(signal.labels):
            raise self._undeclared(signal, labels)
        try:
            tally.add(amount, labels)
        except KeyError as error:
            raise self._undeclared(signal, labels) from error

    def record(self, signal: Signal, value: float, labels: Mapping[str, str] = NO_LABELS) -> None:
        """Add one duration, in seconds, to a histogram."""
        histogram = self._histograms.get(signal.name)
        if histogram is None or labels.keys() != set(signal.labels):
            raise self._undeclared(signal, labels)
        histogram.record(value, labels)

    def observe(self, signal: Signal, read: Callable[[], float | None]) -> None:
        """Read a gauge, or a counter that is kept elsewhere, whenever metrics are collected; None is no sample."""
        if signal.name not in self._signals or signal.name in self._observed or signal.labels:
            raise self._undeclared(signal, NO_LABELS)
        self._observed.add(signal.name)

        def callback(_options: CallbackOptions) -> Iterable[Observation]:
            value = read()
            return () if value is None else (Observation(value),)

        if signal.instrument == "gauge":
            self._meter.create_observable_gauge(signal.name, [callback], signal.unit, signal.meaning)
        else:
            self._meter.create_observable_counter(signal.name, [callback], signal.unit, signal.meaning)

    def _undeclared(self, signal: Signal, labels: Mapping[str, str]) -> Undeclared:
        given = f" with labels {sorted(labels)}" if labels else ""
        return Undeclared(f"{self._service} may not record {signal.name}{given}; see contracts/signals.py")
