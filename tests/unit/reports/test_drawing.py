"""What is drawn is what was measured: the curve of latencies, and the spans of a trace."""

import re
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.cbook import STEP_LOOKUP_MAP
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from lab.analysis.latency import exact_quantile
from lab.analysis.traces.waterfall import WaterfallRow
from lab.reports import drawing, waterfall
from lab.reports.figures import latencies
from tests.unit import trials

SEND = WaterfallRow("simulator", "lab.ingest.v1.IngestService/Append", 0.0, 20.0, 0)
SERVE = WaterfallRow("ingest-api", "Append<&>", 5.0, 10.0, 1)
OTHER = WaterfallRow("elsewhere", "brief", 30.0, 0.0, 2)


def curve(values: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the corners of the curve of a distribution as it is drawn: latencies, and shares that took longer."""
    axes = Figure().subplots()
    drawing._draw_distribution(axes, np.sort(np.asarray(values, np.float64)))
    [line] = axes.get_lines()
    corners = STEP_LOOKUP_MAP[line.get_drawstyle()](*line.get_data())
    return corners[0], corners[1]


@pytest.mark.parametrize("never", [0, 5])
@pytest.mark.parametrize(
    ("count", "quantile"), [(1_000, 0.99), (1_000, 0.5), (1_001, 0.99), (2_000, 0.995), (40, 0.75), (7, 0.5)]
)
def test_the_curve_reaches_a_quantile_where_the_verdict_reads_it(count: int, quantile: float, never: int) -> None:
    """It crosses the corner of an objective exactly when the quantile exceeds the bound."""
    values = np.arange(1, count + 1, dtype=np.float64)
    values[count - never * count // 1_000 :] = np.inf
    latency, share = curve(values)
    reached = latency[share <= 1 - quantile + 1e-12]
    assert reached[0] == exact_quantile(values, quantile)


def test_the_curve_says_which_share_took_longer_than_each_latency() -> None:
    """Of four batches, three took longer than 1 ms, and one took longer than 2 ms."""
    latency, share = curve([1.0, 2.0, 2.0, 8.0])
    between = [share[np.flatnonzero(latency <= at)[-1]] for at in (1.5, 5.0, 9.0)]
    assert between == pytest.approx([0.75, 0.25, 0.0])
    assert (latency[0], share[0]) == (1.0, 1.0)


def test_batches_never_acknowledged_keep_the_curve_above_0() -> None:
    """It ends at their share."""
    latency, share = curve([1.0, 2.0, 3.0, np.inf])
    assert (latency[-1], share[-1]) == pytest.approx((3.0, 0.25))


@pytest.mark.parametrize("values", [[], [np.inf, np.inf]])
def test_without_a_latency_there_is_no_curve(values: list[float]) -> None:
    """And drawing does not fail."""
    latency, share = curve(values)
    assert (len(latency), len(share)) == (0, 0)


def test_every_trial_is_drawn_however_many_there_are() -> None:
    """Colours repeat."""
    many = [replace(trials.trial_on("amd64"), run_id=f"run-{number}") for number in range(9)]
    text = repr(latencies(many))
    assert [f"run-{number} p99" in text for number in range(9)] == [True] * 9


def test_a_waterfall_has_a_bar_for_each_span() -> None:
    """Its place and its length are the time, its colour is the service, its label the last part of the name."""
    picture = waterfall.svg([SEND, SERVE, OTHER])
    bars = re.findall(r'<rect x="([\d.]+)" y="(\d+)" width="([\d.]+)" .*?fill="(#\w+)"', picture)
    scale = (waterfall.WIDTH - waterfall.LABEL - 70) / 30.0
    assert [float(x) for x, *_ in bars] == pytest.approx([waterfall.LABEL + at * scale for at in (0, 5, 30)], abs=0.06)
    assert [float(width) for _, _, width, _ in bars] == pytest.approx([20 * scale, 10 * scale, 2.0], abs=0.06)
    assert [int(y) for _, y, *_ in bars] == [4, 4 + waterfall.ROW, 4 + 2 * waterfall.ROW]
    assert [colour for *_, colour in bars] == ["#56b4e9", "#0072b2", "#999999"]
    assert ">Append<tspan" in picture
    assert "Append&lt;&amp;&gt;" in picture
    assert 'aria-label="slowest trace, 30 ms"' in picture


def test_a_waterfall_without_spans_is_no_picture() -> None:
    """The report leaves it out."""
    assert waterfall.svg([]) == ""
