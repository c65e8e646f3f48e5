"""A trial as pictures: load, latency, path, backlog over time."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from lab.analysis.latency import ACKNOWLEDGED, exact_quantile, latency_ms, quantiles_over_time
from lab.analysis.side_by_side import architecture_of
from lab.analysis.throughput import acknowledged_rate, counted_rate, offered_rate
from lab.analysis.waterfall import mean_path
from lab.model import NANOS
from lab.reports.words import number
from services.contracts.signals import STREAM_BACKLOG, WORKER_EVENTS_PROCESSED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

    from lab.model import Series, Trial

BLUE: Final = "#0072b2"
ORANGE: Final = "#d55e00"
GREEN: Final = "#009e73"
GREY: Final = "#7f7f7f"
SKY: Final = "#56b4e9"
YELLOW: Final = "#e69f00"
STAGE_COLOURS: Final = (GREY, SKY, BLUE, YELLOW, GREEN)
STYLE: Final[dict[Any, Any]] = {
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


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture with a line of text that says the same in figures; a notebook shows the one, a terminal the other."""

    svg: str
    text: str

    def __repr__(self) -> str:
        """The line of text."""
        return self.text

    def _repr_html_(self) -> str:
        return f'<figure style="margin:0;background:#fff">{self.svg}</figure>'


def load(trial: Trial) -> Shown:
    """Offered, acknowledged and counted events per second, and the backlog below; the measured window is shaded."""
    load_run, window = trial.evidence.load_run, trial.evidence.load_run.window
    rates = {
        "offered": (offered_rate(load_run.samples), GREY),
        "acknowledged": (acknowledged_rate(load_run.samples), BLUE),
        "counted": (counted_rate(_named(trial, WORKER_EVENTS_PROCESSED.prometheus_name), window), GREEN),
    }
    with _drawing(2, (7.6, 4.2), heights=(2, 1)) as (figure, (above, below)):
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
    return Shown(svg, text)


def latency(trial: Trial) -> Shown:
    """Quantiles of acknowledgement latency second by second, and the whole distribution with the objective marked."""
    samples = trial.evidence.load_run.samples
    values = np.sort(latency_ms(samples)[samples.outcome == ACKNOWLEDGED])
    with _drawing(1, (7.6, 3.4), columns=2) as (figure, (left, right)):
        for series, colour in zip(quantiles_over_time(samples, (0.5, 0.99, 1.0)), (BLUE, ORANGE, GREY), strict=True):
            label = "max" if series.labels["quantile"] == "1" else f"p{100 * float(series.labels['quantile']):g}"
            left.plot(_since(trial, series.time_s), series.value, label=label, color=colour, lw=1.6, marker=".", ms=4)
        left.set(title="Latency from the intended time", xlabel="seconds", ylabel="ms", yscale="log")
        _plain(left.yaxis)
        left.legend(ncols=3, loc="best")
        _draw_distribution(right, values)
        _draw_objective(trial, left, right)
        _mark(trial, left)
        svg = _svg(figure)
    p50, p99 = (exact_quantile(values, quantile) for quantile in (0.5, 0.99))
    return Shown(svg, f"latency: p50 {number(p50)} ms, p99 {number(p99)} ms, {len(values):,} acknowledged batches")


def latencies(trials: Sequence[Trial]) -> Shown:
    """The whole distribution of acknowledgement latency of several trials, a line for each architecture."""
    said = []
    with _drawing(1, (7.6, 3.2)) as (figure, (axes,)):
        for trial, colour in zip(trials, STAGE_COLOURS[::-1], strict=False):
            samples, name = trial.evidence.load_run.samples, architecture_of(trial)
            values = np.sort(latency_ms(samples)[samples.outcome == ACKNOWLEDGED])
            _draw_distribution(axes, values, colour=colour, label=name)
            said.append(f"{name} p99 {number(exact_quantile(values, 0.99))} ms")
        axes.set_title("Share of batches that took longer, by architecture")
        axes.legend(loc="best")
        svg = _svg(figure)
    return Shown(svg, f"latencies: {', '.join(said)}")


def path(trial: Trial) -> Shown:
    """Where the mean time of a batch went, from its intended time to its commit, by the sampled traces."""
    stages = mean_path(trial.evidence.spans, trial.evidence.load_run.samples)
    if not stages:
        return Shown("", "path: no trace was recorded from end to end")
    with _drawing(1, (7.6, 1.9)) as (figure, (axes,)):
        left = 0.0
        for stage, colour in zip(stages, STAGE_COLOURS, strict=True):
            axes.barh(
                0, stage.mean_ms, left=left, color=colour, label=f"{stage.name} {number(stage.mean_ms)} ms", height=0.6
            )
            left += stage.mean_ms
        axes.set(title=f"Where the time went: {number(left)} ms on average", xlabel="ms", yticks=[])
        figure.legend(ncols=5, loc="outside lower center", handlelength=1, columnspacing=1.2)
        svg = _svg(figure)
    return Shown(svg, "path: " + ", ".join(f"{stage.name} {number(stage.mean_ms)} ms" for stage in stages))


def backlog(trial: Trial) -> Shown:
    """Events accepted and not yet settled, over time; faults are marked."""
    with _drawing(1, (7.6, 2.8)) as (figure, (axes,)):
        largest = _draw_backlog(trial, axes)
        axes.set_title("Backlog: accepted and not yet counted")
        _mark(trial, axes)
        svg = _svg(figure)
    return Shown(svg, f"backlog: at most {largest:,.0f} events, {trial.ledger.backlog:,} at the end")


class _drawing:  # noqa: N801  reads as a verb in a with statement
    """Axes below or beside each other, in our style, drawn without any global state."""

    def __init__(
        self, rows: int, size: tuple[float, float], *, heights: tuple[int, ...] = (), columns: int = 1
    ) -> None:
        import matplotlib as mpl  # noqa: PLC0415 - heavy

        self._context = mpl.rc_context(STYLE)
        self._rows, self._size, self._heights, self._columns = rows, size, heights, columns

    def __enter__(self) -> tuple[Figure, list[Axes]]:
        from matplotlib.figure import Figure  # noqa: PLC0415 - heavy

        self._context.__enter__()
        figure = Figure(figsize=self._size, layout="constrained")
        share = self._columns == 1
        axes = figure.subplots(
            self._rows, self._columns, squeeze=False, sharex=share, height_ratios=self._heights or None
        )
        return figure, list(axes.flat)

    def __exit__(self, *details: object) -> None:
        self._context.__exit__(*details)  # type: ignore[arg-type]


def _svg(figure: Figure) -> str:
    from matplotlib.backends.backend_svg import FigureCanvasSVG  # noqa: PLC0415 - heavy

    text = io.StringIO()
    canvas: Any = FigureCanvasSVG(figure)
    canvas.print_svg(text, metadata={"Date": None, "Creator": None})
    drawn = text.getvalue()
    # As wide as there is room, at most.
    return drawn[drawn.index("<svg") :].replace("<svg", '<svg style="max-width:100%;height:auto"', 1)


def _draw_backlog(trial: Trial, axes: Axes) -> float:
    largest = 0.0
    for series in _named(trial, STREAM_BACKLOG.prometheus_name):
        axes.fill_between(_since(trial, series.time_s), series.value, step="post", color=YELLOW, alpha=0.5, lw=0)
        axes.step(_since(trial, series.time_s), series.value, where="post", color=YELLOW, lw=1.4)
        largest = max(largest, float(series.value.max(initial=0.0)))
    axes.set(xlabel="seconds since the first intended send", ylabel="backlog, events")
    axes.set_ylim(0, max(1.0, 1.1 * largest))
    return largest


def _draw_distribution(axes: Axes, values: np.ndarray, *, colour: str = BLUE, label: str = "") -> None:
    share = 1 - np.arange(len(values)) / max(1, len(values))
    axes.step(values, share, where="post", color=colour, label=label or None, lw=1.8)
    axes.set(title="Share of batches that took longer", xlabel="ms", xscale="log", yscale="log")
    axes.set_ylim(0.5 / max(1, len(values)), 1.2)
    _plain(axes.xaxis)


def _plain(axis: Axis) -> None:
    """Label a logarithmic axis at 1, 2, 5, 10 … in plain numbers; powers of ten in small steps overlap."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter  # noqa: PLC0415 - heavy

    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(FuncFormatter(lambda value, _position: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def _draw_objective(trial: Trial, left: Axes, right: Axes) -> None:
    for objective in trial.experiment.objectives:
        if objective.kind == "latency":
            left.axhline(objective.threshold, color=ORANGE, ls="--", lw=1)
            right.axvline(objective.threshold, color=ORANGE, ls="--", lw=1)
            right.axhline(1 - objective.quantile, color=ORANGE, ls=":", lw=1)


def _mark(trial: Trial, *axes: Axes) -> None:
    """Shade the measured window; mark faults and stalls of the machine."""
    window = trial.evidence.load_run.window
    for one in axes:
        one.axvspan(0, window.seconds, color=BLUE, alpha=0.05, lw=0)
        for fault in trial.evidence.faults:
            at_s = (fault.started_ns - window.start_ns) / NANOS
            one.axvline(at_s, color=ORANGE, lw=1.2)
            one.annotate(
                f"{fault.kind} {fault.service}", (at_s, 1), xycoords=("data", "axes fraction"), color=ORANGE,
                xytext=(3, -10), textcoords="offset points", fontsize=8,
            )  # fmt: skip
        for ended_s, seconds in trial.evidence.pauses_s:
            end = ended_s - window.start_ns / NANOS
            one.axvspan(end - seconds, end, color=GREY, alpha=0.3, lw=0)


def _named(trial: Trial, name: str) -> list[Series]:
    return [series for series in trial.evidence.series if series.name == name]


def _since(trial: Trial, time_s: np.ndarray) -> np.ndarray:
    """Seconds since the first intended send."""
    since: np.ndarray = time_s - trial.evidence.load_run.window.start_ns / NANOS
    return since
