"""The ledger as a picture: where every event went."""

from dataclasses import dataclass
from html import escape
from typing import Final

from lab.model import LedgerAccount
from lab.systems.services import INGEST_API, PROCESS_WORKER, SIMULATOR

STEPS: Final = ("intended", "sent", "acknowledged", "accepted", "counted")
WHERE: Final = (SIMULATOR, "network", INGEST_API, "Redis stream", PROCESS_WORKER)
WIDTH, BOX_WIDTH, BOX_HEIGHT, LEAK_HEIGHT = 760, 112, 54, 16
STRIDE: Final = (WIDTH - BOX_WIDTH) / (len(STEPS) - 1)
GOOD, BAD = "#0072b2", "#d55e00"


@dataclass(frozen=True, slots=True)
class Leak:
    """Events that left the path between two steps, and what became of them."""

    after: int
    words: str
    bad: bool


def svg(ledger: LedgerAccount) -> str:
    """Return five boxes with counts; events that left the path are drawn below, losses in another colour."""
    counts = [getattr(ledger, step) for step in STEPS]
    boxes = "".join(_box(i, step, counts[i]) for i, step in enumerate(STEPS))
    arrows = "".join(_arrow(i) for i in range(len(STEPS) - 1))
    leaks = leaks_of(ledger)
    height = 26 + BOX_HEIGHT + (24 + LEAK_HEIGHT * len(leaks) if leaks else 0)
    after = [leak.after for leak in leaks]
    exits = "".join(_exit(leak, after[:i].count(leak.after)) for i, leak in enumerate(leaks))
    label = escape(", ".join(f"{step} {count:,}" for step, count in zip(STEPS, counts, strict=True)))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{label}" '
        f'style="width:100%;max-width:{WIDTH}px;height:auto;font-family:inherit">{arrows}{boxes}{exits}</svg>'
    )


def leaks_of(ledger: LedgerAccount) -> list[Leak]:
    """Return where events left the path."""
    leaks = [
        (0, "never sent", ledger.intended - ledger.sent, True),
        (1, "refused", ledger.refused, True),
        (1, "unknown", ledger.unknown, False),
        (2, "lost", ledger.lost, True),
        (3, "dead", ledger.dead, True),
        (3, "waiting", ledger.backlog, True),
        (3, "double-counted", ledger.double_counted, True),
    ]
    return [Leak(after, f"{count:,} {word}", bad) for after, word, count, bad in leaks if count]


def _box(i: int, step: str, count: int) -> str:
    x = i * STRIDE
    middle = x + BOX_WIDTH / 2
    return (
        f'<rect x="{x:.1f}" y="18" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="8" fill="none" '
        f'stroke="{GOOD}" stroke-width="1.5"/>'
        f'<text x="{middle:.1f}" y="42" text-anchor="middle" fill="currentColor" font-size="17" '
        f'font-weight="600">{count:,}</text>'
        f'<text x="{middle:.1f}" y="61" text-anchor="middle" fill="currentColor" font-size="12">{step}</text>'
        f'<text x="{middle:.1f}" y="11" text-anchor="middle" fill="currentColor" opacity=".6" '
        f'font-size="10">{WHERE[i]}</text>'
    )


def _arrow(i: int) -> str:
    start, end, y = i * STRIDE + BOX_WIDTH + 4, (i + 1) * STRIDE - 4, 18 + BOX_HEIGHT / 2
    return (
        f'<path d="M{start:.1f} {y}H{end - 6:.1f}" stroke="{GOOD}" stroke-width="2"/>'
        f'<path d="M{end - 8:.1f} {y - 4}L{end:.1f} {y}L{end - 8:.1f} {y + 4}Z" fill="{GOOD}"/>'
    )


def _exit(leak: Leak, above: int) -> str:
    """Return a dashed line below the arrow; *above* other leaks leave at the same step."""
    x, top = leak.after * STRIDE + BOX_WIDTH + (STRIDE - BOX_WIDTH) / 2, 18 + BOX_HEIGHT / 2
    offset = LEAK_HEIGHT * above
    colour = BAD if leak.bad else "currentColor"
    return (
        f'<path d="M{x:.1f} {top}V{98 + offset}" stroke="{colour}" stroke-width="2" stroke-dasharray="3 3"/>'
        f'<text x="{x:.1f}" y="{114 + offset}" text-anchor="middle" fill="{colour}" font-size="13" '
        f'font-weight="600">{escape(leak.words)}</text>'
    )
