"""The ledger as a picture: where every event went."""

from html import escape
from typing import Final

from lab.model import LedgerAccount
from lab.reports.ledger_words import Leak, leaks, steps
from lab.systems.services import INGEST_API, PROCESS_WORKER, SIMULATOR

WHERE: Final = {
    "intended": SIMULATOR,
    "sent": "network",
    "acknowledged": INGEST_API,
    "accepted": "Redis stream",
    "counted": PROCESS_WORKER,
}
"""Step → where its events are; stands above its box."""
COLUMNS: Final = {step: column for column, step in enumerate(WHERE)}
WIDTH, BOX_WIDTH, BOX_HEIGHT, LEAK_HEIGHT = 760, 112, 54, 16
STRIDE: Final = (WIDTH - BOX_WIDTH) / (len(WHERE) - 1)
GOOD, BAD = "#0072b2", "#d55e00"


def svg(ledger: LedgerAccount) -> str:
    """Return five boxes with counts; events that left the path are drawn below, losses in another colour."""
    counts, left = steps(ledger), leaks(ledger)
    boxes = "".join(_box(step, events) for step, events in counts.items())
    arrows = "".join(_arrow(column) for column in range(len(counts) - 1))
    height = 26 + BOX_HEIGHT + (24 + LEAK_HEIGHT * len(left) if left else 0)
    after = [leak.after for leak in left]
    exits = "".join(_exit(leak, after[:i].count(leak.after)) for i, leak in enumerate(left))
    label = escape(", ".join(f"{step} {events:,}" for step, events in counts.items()))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{label}" '
        f'style="width:100%;max-width:{WIDTH}px;height:auto;font-family:inherit">{arrows}{boxes}{exits}</svg>'
    )


def _box(step: str, events: int) -> str:
    x = COLUMNS[step] * STRIDE
    middle = x + BOX_WIDTH / 2
    return (
        f'<rect x="{x:.1f}" y="18" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="8" fill="none" '
        f'stroke="{GOOD}" stroke-width="1.5"/>'
        f'<text x="{middle:.1f}" y="42" text-anchor="middle" fill="currentColor" font-size="17" '
        f'font-weight="600">{events:,}</text>'
        f'<text x="{middle:.1f}" y="61" text-anchor="middle" fill="currentColor" font-size="12">{step}</text>'
        f'<text x="{middle:.1f}" y="11" text-anchor="middle" fill="currentColor" opacity=".6" '
        f'font-size="10">{WHERE[step]}</text>'
    )


def _arrow(column: int) -> str:
    """Return an arrow from the box of a column to the next box."""
    start, end, y = column * STRIDE + BOX_WIDTH + 4, (column + 1) * STRIDE - 4, 18 + BOX_HEIGHT / 2
    return (
        f'<path d="M{start:.1f} {y}H{end - 6:.1f}" stroke="{GOOD}" stroke-width="2"/>'
        f'<path d="M{end - 8:.1f} {y - 4}L{end:.1f} {y}L{end - 8:.1f} {y + 4}Z" fill="{GOOD}"/>'
    )


def _exit(leak: Leak, above: int) -> str:
    """Return a dashed line from an arrow down to a leak; *above* leaks of the same step are drawn over it."""
    x, top = COLUMNS[leak.after] * STRIDE + BOX_WIDTH + (STRIDE - BOX_WIDTH) / 2, 18 + BOX_HEIGHT / 2
    offset = LEAK_HEIGHT * above
    colour = BAD if leak.bad else "currentColor"
    return (
        f'<path d="M{x:.1f} {top}V{98 + offset}" stroke="{colour}" stroke-width="2" stroke-dasharray="3 3"/>'
        f'<text x="{x:.1f}" y="{114 + offset}" text-anchor="middle" fill="{colour}" font-size="13" '
        f'font-weight="600">{escape(f"{leak.events:,} {leak.words}")}</text>'
    )
