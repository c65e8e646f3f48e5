"""The slowest sampled trace as a picture: which service did what, and when."""

from collections.abc import Sequence
from html import escape
from typing import Final

from lab.analysis.traces.waterfall import WaterfallRow
from lab.reports.numbers import number
from lab.systems.services import INGEST_API, PROCESS_WORKER, SIMULATOR

WIDTH, LABEL, ROW = 760, 270, 26
COLOURS: Final = {SIMULATOR: "#56b4e9", INGEST_API: "#0072b2", PROCESS_WORKER: "#009e73"}


def svg(rows: Sequence[WaterfallRow]) -> str:
    """Return a bar for each span, in the order of the path; an empty text without spans."""
    if not rows:
        return ""
    end_ms = max(row.start_ms + row.duration_ms for row in rows)
    scale = (WIDTH - LABEL - 70) / max(end_ms, 1e-6)
    bars = "".join(_bar(i, row, scale) for i, row in enumerate(rows))
    height = ROW * len(rows) + 8
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="slowest trace, {number(end_ms)} ms" '
        f'style="width:100%;max-width:{WIDTH}px;height:auto;font-family:inherit">{bars}</svg>'
    )


def _bar(i: int, row: WaterfallRow, scale: float) -> str:
    y, x, width = i * ROW + 4, LABEL + row.start_ms * scale, max(2.0, row.duration_ms * scale)
    name = row.name.rpartition("/")[2]
    return (
        f'<text x="{12 * row.depth}" y="{y + 14}" fill="currentColor" font-size="12">{escape(name)}'
        f'<tspan opacity=".6"> {escape(row.service)}</tspan></text>'
        f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="18" rx="3" '
        f'fill="{COLOURS.get(row.service, "#999999")}"/>'
        f'<text x="{x + width + 5:.1f}" y="{y + 14}" fill="currentColor" font-size="11">'
        f"{number(row.duration_ms)} ms</text>"
    )
