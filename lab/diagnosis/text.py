"""Formats findings for a terminal."""

import textwrap
from collections.abc import Iterator, Sequence
from typing import Final

from lab.diagnosis.finding import Finding
from lab.snapshots.gaps import Unanswered

WIDTH: Final = 112
LABEL: Final = 14
SHOWN_UNANSWERED: Final = 8
"""Parts without an answer that a text names; a node that is away leaves many logs unread."""
BOLD, FAINT, OFF = "\033[1m", "\033[2m", "\033[0m"


def text(
    findings: Sequence[Finding], *, namespace: str, colour: bool = False, unanswered: Sequence[Unanswered] = ()
) -> str:
    """Return every finding with its evidence, explanation and remedy, then what could not be judged.

    A remedy, which is pasted, is never wrapped.

    Args:
        findings: In the order in which they are shown.
        namespace: Where the stack is; empty for this machine.
        colour: Whether a terminal shows the text.
        unanswered: Parts of the snapshot that are missing.
    """
    count = f"{len(findings) or 'no'} problem{'' if len(findings) == 1 else 's'}"
    blocks = ["\n".join(_block(finding, colour=colour)) for finding in findings]
    missing = ["\n".join(_missing(unanswered))] if unanswered else []
    place = f"in namespace {namespace}" if namespace else "on this machine"
    return "\n\n".join([f"  {count} {place}", *blocks, *missing])


def _block(finding: Finding, *, colour: bool) -> Iterator[str]:
    title = textwrap.shorten(finding.title, WIDTH - len(finding.cause) - 4, placeholder="…")
    gap = " " * (WIDTH - 2 - len(title) - len(finding.cause))
    yield f"  {BOLD}{title}{OFF}{gap}{FAINT}{finding.cause}{OFF}" if colour else f"  {title}{gap}{finding.cause}"
    yield _filled("found", finding.found)
    yield _filled("why", finding.why)
    yield f"    {'do':10s}{finding.do}"


def _missing(unanswered: Sequence[Unanswered]) -> Iterator[str]:
    count, more = len(unanswered), len(unanswered) - SHOWN_UNANSWERED
    yield f"  {count} part{'' if count == 1 else 's'} not judged, since asking failed"
    for part in unanswered[:SHOWN_UNANSWERED]:
        yield _filled("missing", f"{part.part}: {part.error}")
    if more > 0:
        yield _filled("", f"and {more} more")


def _filled(label: str, sentence: str) -> str:
    return textwrap.fill(
        sentence,
        WIDTH,
        initial_indent=f"    {label:10s}",
        subsequent_indent=" " * LABEL,
        break_long_words=False,
        break_on_hyphens=False,
    )
