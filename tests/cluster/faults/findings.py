"""Diagnoses a stack again and again, until the findings are as wanted."""

import contextlib
from collections.abc import Callable
from typing import Final

from lab.diagnosis.diagnose import diagnose
from lab.diagnosis.finding import Finding
from lab.errors import Unavailable
from lab.snapshots.snapshot import Snapshot
from lab.waiting import Polls

POLL_S: Final = 1.0
Findings = tuple[Finding, ...]


def await_findings(
    take: Callable[[], Snapshot | None], wanted: Callable[[Findings], bool], *, seconds: float
) -> tuple[Snapshot | None, Findings]:
    """Take snapshots until the findings are as wanted or time is up. Return the last snapshot and its findings.

    *take* returns None where nothing is left that could have a fault. A snapshot that cannot be taken is taken again.
    """
    polls = Polls(within_s=seconds, every_s=POLL_S)
    snapshot: Snapshot | None = None
    while True:
        with contextlib.suppress(Unavailable):
            snapshot = take()
        findings = diagnose(snapshot) if snapshot is not None else ()
        if wanted(findings) or not polls.another():
            return snapshot, findings
