"""Composes an error that says what failed with the cause that a diagnosis found. Pure."""

import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from lab.diagnosis.diagnose import diagnose
from lab.diagnosis.finding import Finding, name_of
from lab.errors import LabError
from lab.snapshots.snapshot import Snapshot
from lab.systems.services import SERVICES

SHOWN: Final = 240
"""Characters of each line."""
OPEN_STEPS: Final = ("lab diagnose", "lab doctor")
"""How the next step of an error begins that leaves its cause open."""
NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9.:-]*[a-z0-9])?")


def concerning(error: LabError, findings: Sequence[Finding]) -> Finding | None:
    """Return the first finding whose object, or what it stops, the error names; None where none is.

    The name of a service stands for each of its parts.
    """
    names = set(NAME.findall(f"{error.attempted}\n{error.found}".lower()))
    parts = tuple(f"{name}-" for name in names & set(SERVICES))
    for finding in findings:
        objects = {name_of(ref).lower() for ref in (finding.object, *finding.stops)}
        if objects & names or (parts and any(name.startswith(parts) for name in objects)):
            return finding
    return None


def explained(error: LabError, snapshot: Snapshot, file: Path | None) -> LabError:
    """Return the error with the cause and the evidence of a finding; unchanged where the snapshot has no finding.

    The first finding that concerns the error explains it. Where none does, the first of all is shown as another one.
    Its remedy replaces the error's next step only where that step leaves the cause open.

    Args:
        error: What failed.
        snapshot: Taken when it had failed.
        file: Where the snapshot is kept; None where it is not.
    """
    findings = diagnose(snapshot)
    if not findings:
        return error
    concerned = concerning(error, findings)
    finding = concerned or findings[0]
    kept = shlex.join(["lab", "diagnose", "--snapshot", str(file)]) if file else "lab diagnose"
    title = f"{finding.title} ({finding.cause})"
    if not concerned:
        title = f"{'this machine' if snapshot.is_local else 'the cluster'} also has: {title}"
    more = f"; and {len(findings) - 1} more: {kept}" if len(findings) > 1 else ""
    own = "" if _repeats(finding.found, error.found) else _cut(error.found)
    lines = filter(None, (own, _cut(title), f"{_cut(finding.found)}{more}"))
    step = finding.do if concerned or error.next_step.startswith(OPEN_STEPS) else error.next_step or kept
    return type(error)(error.attempted, found="\n".join(lines), next_step=step, code=error.reason)


def _repeats(evidence: str, text: str) -> bool:
    """Return whether evidence holds every line of a text."""
    return all(line.strip() in evidence for line in text.splitlines())


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= SHOWN else f"{line[:SHOWN]}…"
