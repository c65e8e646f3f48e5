"""Two trials side by side, figure by figure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from lab.analysis.latency import ACKNOWLEDGED, exact_quantile, latency_ms
from lab.analysis.throughput import throughput_interval
from lab.model import NANOS
from services.contracts.signals import PROCESS_CPU_TIME

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.model import Series, Trial, Window

CPU: Final = PROCESS_CPU_TIME.prometheus_name
CAVEAT: Final = (
    "a comparison of two single runs: a difference may be this machine's mood; repeat both before believing it"
)


class Difference(NamedTuple):
    """One figure of two trials; None where one has none. `ratio` is second over first."""

    name: str
    unit: str
    first: float | None
    second: float | None

    @property
    def ratio(self) -> float | None:
        """Second over first."""
        return self.second / self.first if self.first and self.second is not None else None


def compare(first: Trial, second: Trial) -> tuple[Difference, ...]:
    """Every figure that both may have; says nothing about the next run."""
    return tuple(Difference(name, unit, read(first), read(second)) for name, unit, read in FIGURES)


def _latency(quantile: float) -> Callable[[Trial], float | None]:
    def read(trial: Trial) -> float | None:
        samples = trial.evidence.load_run.samples
        values = latency_ms(samples)[samples.outcome == ACKNOWLEDGED]
        return exact_quantile(values, quantile) if len(values) else None

    return read


def _cpu_per_event_us(trial: Trial) -> float | None:
    """CPU time of all services over the window, for each event counted; None where Prometheus has no series of it."""
    window = trial.evidence.load_run.window
    used = [growth for one in trial.evidence.series if one.name == CPU and (growth := _growth(one, window)) is not None]
    return 1e6 * sum(used) / trial.ledger.counted if used and trial.ledger.counted else None


def _growth(counter: Series, window: Window) -> float | None:
    """Last sample of the window minus the last before it; 0 before, where the process began later."""
    before = counter.value[counter.time_s < window.start_ns / NANOS]
    within = counter.value[(counter.time_s >= window.start_ns / NANOS) & (counter.time_s <= window.end_ns / NANOS)]
    return float(within[-1] - (before[-1] if len(before) else 0.0)) if len(within) else None


FIGURES: Final[tuple[tuple[str, str, Callable[[Trial], float | None]], ...]] = (
    ("p50 acknowledgement", "ms", _latency(0.5)),
    ("p99 acknowledgement", "ms", _latency(0.99)),
    ("throughput", "events/s", lambda trial: throughput_interval(trial.evidence.load_run.samples).value),
    ("events counted", "events", lambda trial: float(trial.ledger.counted)),
    ("CPU per counted event", "µs", _cpu_per_event_us),
    ("events lost", "events", lambda trial: float(trial.ledger.lost)),
    ("events counted twice", "events", lambda trial: float(trial.ledger.double_counted)),
)
