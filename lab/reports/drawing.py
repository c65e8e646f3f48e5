"""Draws a trial with matplotlib: load, latency, path, backlog."""

from __future__ import annotations

import io
from contextlib import contextmanager, suppress
from itertools import cycle
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np
from matplotlib import rcParams, style
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from lab.analysis.comparison import labels_of
from lab.analysis.counters import named, rate
from lab.analysis.latency import ACKNOWLEDGED, exact_quantile, latency_ms, quantiles_over_time
from lab.analysis.objectives import latency_objectives
from lab.analysis.throughput import acknowledged_rate, offered_rate
from lab.analysis.traces.waterfall import mean_path
from lab.model import NANOS
from lab.reports.numbers import number
from lab.reports.picture import Picture
from services.contracts.signals import STREAM_BACKLOG, WORKER_EVENTS_PROCESSED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from numpy.typing import NDArray

    from lab.model import FaultRecord, Samples, Series, Trial

BLUE: Final = "#0072b2"
ORANGE: Final = "#d55e00"
GREEN: Final = "#009e73"
GREY: Final = "#7f7f7f"
SKY: Final = "#56b4e9"
YELLOW: Final = "#e69f00"
STAGE_COLOURS: Final = (GREY, SKY, BLUE, YELLOW, GREEN)
STYLE: Final[dict[str, bool | float | str]] = {
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "font.size": 9.5,
    "grid.alpha": 0.25,
    "legend.frameon": False,
    "svg.fonttype": "path",
    "svg.hashsalt": "lab",
}


class SvgCanvas(Protocol):
    """The part of matplotlib's canvas for SVG that the lab uses; matplotlib declares no types for it."""

    def print_svg(self, filename: io.StringIO, *, metadata: Mapping[str, None]) -> None:
        """Write the picture; None leaves an entry out of the metadata."""


def take_backend(name: str) -> None:
    """Give matplotlib the backend for the user's own pictures; a backend that matplotlib does not know is ignored."""
    with suppress(ValueError):
        rcParams["backend"] = name


def load(trial: Trial) -> Picture:
    """Draw offered, acknowledged and counted events per second, and the backlog; the measured window is shaded."""
    load_run, window = trial.evidence.load_run, trial.evidence.load_run.window
    rates = {
        "offered": (offered_rate(load_run.samples), GREY),
        "acknowledged": (acknowledged_rate(load_run.samples), BLUE),
        "counted": (rate(named(trial.evidence.series, WORKER_EVENTS_PROCESSED.prometheus_name), window), GREEN),
    }
    with _styled(2, (7.6, 4.2), heights=(2, 1)) as (figure, (above, below)):
        for name, (series, colour) in rates.items():
            above.step(_since(trial, series.time_s), series.value, where="mid", label=name, color=colour, lw=1.8)
        above.set(title="Load: what was offered, acknowledged, counted", ylabel="events/s")
        above.set_ylim(bottom=0)
        above.legend(ncols=3, loc="lower left")
        _draw_backlog(trial, below)
        _mark(trial, above, below)
        svg = _svg(figure)
    account = load_run.account
    text = f"load: {account.intended:,} events offered in {window.seconds:.1f} s, {account.acknowledged:,} acknowledged"
    return Picture(svg, text)


def latency(trial: Trial) -> Picture:
    """Draw quantiles of acknowledgement latency second by second, and the whole distribution with the objective."""
    samples = trial.evidence.load_run.samples
    values, acknowledged = _latencies(samples), int((samples.outcome == ACKNOWLEDGED).sum())
    with _styled(1, (7.6, 3.4), columns=2) as (figure, (left, right)):
        _draw_quantiles(trial, left)
        _draw_distribution(right, values)
        _draw_objective(trial, left, right)
        _mark(trial, left)
        svg = _svg(figure)
    p50, p99 = (exact_quantile(values, quantile) for quantile in (0.5, 0.99))
    return Picture(svg, f"latency: p50 {number(p50)} ms, p99 {number(p99)} ms, {acknowledged:,} acknowledged batches")


def latencies(trials: Sequence[Trial]) -> Picture:
    """Draw the whole distribution of acknowledgement latency of several trials, a line for each trial."""
    texts = []
    with _styled(1, (7.6, 3.2)) as (figure, (axes,)):
        for trial, name, colour in zip(trials, labels_of(trials), cycle(STAGE_COLOURS[::-1]), strict=False):
            values = _latencies(trial.evidence.load_run.samples)
            _draw_distribution(axes, values, colour=colour, label=name)
            texts.append(f"{name} p99 {number(exact_quantile(values, 0.99))} ms")
        axes.set_title("Share of batches that took longer")
        axes.legend(loc="best")
        svg = _svg(figure)
    return Picture(svg, f"latencies: {', '.join(texts)}")


def path(trial: Trial) -> Picture:
    """Draw the mean time of each stage of a batch, from its intended time to its commit, by the sampled traces."""
    stages = mean_path(trial.evidence.spans, trial.evidence.load_run.samples)
    if not stages:
        return Picture("", "path: no trace was recorded from end to end")
    with _styled(1, (7.6, 1.9)) as (figure, (axes,)):
        left = 0.0
        for stage, colour in zip(stages, STAGE_COLOURS, strict=True):
            axes.barh(
                0, stage.mean_ms, left=left, color=colour, label=f"{stage.name} {number(stage.mean_ms)} ms", height=0.6
            )
            left += stage.mean_ms
        axes.set(title=f"Where the time went: {number(left)} ms on average", xlabel="ms", yticks=[])
        figure.legend(ncols=5, loc="outside lower center", handlelength=1, columnspacing=1.2)
        svg = _svg(figure)
    return Picture(svg, "path: " + ", ".join(f"{stage.name} {number(stage.mean_ms)} ms" for stage in stages))


def backlog(trial: Trial) -> Picture:
    """Draw the events that were accepted and not yet committed, over time; faults are marked."""
    with _styled(1, (7.6, 2.8)) as (figure, (axes,)):
        _draw_backlog(trial, axes)
        axes.set_title("Backlog: accepted and not yet counted")
        _mark(trial, axes)
        svg = _svg(figure)
    return Picture(svg, f"backlog: at most {_largest_backlog(trial):,.0f} events, {trial.ledger.backlog:,} at the end")


@contextmanager
def _styled(
    rows: int, size: tuple[float, float], *, heights: tuple[int, ...] = (), columns: int = 1
) -> Iterator[tuple[Figure, list[Axes]]]:
    """Yield a figure and its axes, row by row, in the style of the lab, whatever the user's matplotlibrc says."""
    with style.context(["default", STYLE]):
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False, sharex=columns == 1, height_ratios=heights or None)
        yield figure, list(axes.flat)


def _svg(figure: Figure) -> str:
    text = io.StringIO()
    canvas: SvgCanvas = FigureCanvasSVG(figure)
    canvas.print_svg(text, metadata={"Date": None, "Creator": None})
    drawn = text.getvalue()
    return drawn[drawn.index("<svg") :].replace("<svg", '<svg style="max-width:100%;height:auto"', 1)


def _draw_backlog(trial: Trial, axes: Axes) -> None:
    for series in _backlogs(trial):
        axes.fill_between(_since(trial, series.time_s), series.value, step="post", color=YELLOW, alpha=0.5, lw=0)
        axes.step(_since(trial, series.time_s), series.value, where="post", color=YELLOW, lw=1.4)
    axes.set(xlabel="seconds since the first intended send", ylabel="backlog, events")
    axes.set_ylim(0, max(1.0, 1.1 * _largest_backlog(trial)))


def _largest_backlog(trial: Trial) -> float:
    return max((float(series.value.max(initial=0.0)) for series in _backlogs(trial)), default=0.0)


def _backlogs(trial: Trial) -> list[Series]:
    return named(trial.evidence.series, STREAM_BACKLOG.prometheus_name)


def _draw_quantiles(trial: Trial, axes: Axes) -> None:
    """Draw p50, p99 and the maximum, second by second."""
    every_quantile = quantiles_over_time(trial.evidence.load_run.samples, (0.5, 0.99, 1.0))
    for series, colour in zip(every_quantile, (BLUE, ORANGE, GREY), strict=True):
        label = "max" if series.labels["quantile"] == "1" else f"p{100 * float(series.labels['quantile']):g}"
        axes.plot(_since(trial, series.time_s), series.value, label=label, color=colour, lw=1.6, marker=".", ms=4)
    axes.set(title="Latency from the intended time", xlabel="seconds", ylabel="ms", yscale="log")
    _plain(axes.yaxis)
    axes.legend(ncols=3, loc="best")


def _draw_distribution(axes: Axes, values: NDArray[np.float64], *, colour: str = BLUE, label: str = "") -> None:
    """Draw the share of batches that took longer than each latency; batches never acknowledged keep it above 0.

    The curve begins at 1. It falls at each latency, so that it reaches 1 - q at the exact quantile q.
    """
    finite = values[np.isfinite(values)]
    share = 1 - np.arange(len(finite) + 1) / max(1, len(values))
    times = np.concatenate([finite[:1], finite])
    axes.step(times, share[: len(times)], where="post", color=colour, label=label or None, lw=1.8)
    axes.set(title="Share of batches that took longer", xlabel="ms", xscale="log", yscale="log")
    axes.set_ylim(0.5 / max(1, len(values)), 1.2)
    _plain(axes.xaxis)


def _plain(axis: Axis) -> None:
    """Label a logarithmic axis at 1, 2, 5, 10 … in plain numbers; powers of ten overlap when they are close."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(FuncFormatter(lambda value, _position: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def _draw_objective(trial: Trial, left: Axes, right: Axes) -> None:
    for objective in latency_objectives(trial.experiment):
        left.axhline(objective.threshold, color=ORANGE, ls="--", lw=1)
        right.axvline(objective.threshold, color=ORANGE, ls="--", lw=1)
        right.axhline(1 - objective.quantile, color=ORANGE, ls=":", lw=1)


def _mark(trial: Trial, *every_axes: Axes) -> None:
    """Shade the measured window; mark faults and stalls of the machine."""
    window = trial.evidence.load_run.window
    for axes in every_axes:
        axes.axvspan(0, window.seconds, color=BLUE, alpha=0.05, lw=0)
        for fault in trial.evidence.faults:
            _mark_fault(axes, fault, at_s=(fault.started_ns - window.start_ns) / NANOS)
        for ended_s, seconds in trial.evidence.pauses_s:
            end = ended_s - window.start_ns / NANOS
            axes.axvspan(end - seconds, end, color=GREY, alpha=0.3, lw=0)


def _mark_fault(axes: Axes, fault: FaultRecord, *, at_s: float) -> None:
    axes.axvline(at_s, color=ORANGE, lw=1.2)
    axes.annotate(
        f"{fault.kind} {fault.service}", (at_s, 1), xycoords=("data", "axes fraction"), color=ORANGE,
        xytext=(3, -10), textcoords="offset points", fontsize=8,
    )  # fmt: skip


def _latencies(samples: Samples) -> NDArray[np.float64]:
    """Return the latencies that the verdict judges, in ms, ascending; none where no batch was acknowledged."""
    if not (samples.outcome == ACKNOWLEDGED).any():
        return np.empty(0)
    return np.sort(latency_ms(samples))


def _since(trial: Trial, time_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return times as seconds since the first intended send."""
    return time_s - trial.evidence.load_run.window.start_ns / NANOS
