"""Formats findings for a terminal, and as JSON."""

import json
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Final

from lab.diagnosis.finding import Finding

WIDTH: Final = 112
LABEL: Final = 14
BOLD, FAINT, OFF = "\033[1m", "\033[2m", "\033[0m"


def text(findings: Sequence[Finding], *, namespace: str, colour: bool = False) -> str:
    """Return every finding with its evidence, explanation and remedy. A remedy, which is pasted, is never wrapped.

    An empty namespace stands for this machine.
    """
    count = f"{len(findings) or 'no'} problem{'' if len(findings) == 1 else 's'}"
    blocks = ["\n".join(_block(finding, colour=colour)) for finding in findings]
    place = f"in namespace {namespace}" if namespace else "on this machine"
    return "\n\n".join([f"  {count} {place}", *blocks])


def as_json(findings: Sequence[Finding]) -> str:
    """Return the findings as a JSON list of objects."""
    return json.dumps([asdict(finding) for finding in findings], indent=2, ensure_ascii=False)


def _block(finding: Finding, *, colour: bool) -> Iterator[str]:
    title = textwrap.shorten(finding.title, WIDTH - len(finding.cause) - 4, placeholder="…")
    gap = " " * (WIDTH - 2 - len(title) - len(finding.cause))
    yield f"  {BOLD}{title}{OFF}{gap}{FAINT}{finding.cause}{OFF}" if colour else f"  {title}{gap}{finding.cause}"
    for label, sentence in (("found", finding.found), ("why", finding.why)):
        yield textwrap.fill(
            sentence,
            WIDTH,
            initial_indent=f"    {label:10s}",
            subsequent_indent=" " * LABEL,
            break_long_words=False,
            break_on_hyphens=False,
        )
    yield f"    {'do':10s}{finding.do}"
