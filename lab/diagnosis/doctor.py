"""Judges a snapshot that was taken before a deployment: one check for each part that a stack needs. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

from lab.diagnosis.diagnose import diagnose
from lab.diagnosis.finding import Finding
from lab.diagnosis.remedies import up
from lab.diagnosis.sections import Section, sections_of
from lab.snapshots.snapshot import Snapshot


class Check(NamedTuple):
    """What a part of the snapshot is, whether it is good, and what to do where it is not."""

    name: str
    good: bool
    found: str
    next_step: str = ""


def examine(snapshot: Snapshot) -> tuple[Check, ...]:
    """Return a check for every part of a snapshot; a fault that belongs to no part gets one of its own."""
    left = list(diagnose(snapshot))
    checks = []
    for section in sections_of(snapshot):
        mine = [finding for finding in left if section.holds(finding)]
        left = [finding for finding in left if finding not in mine]
        checks.append(_check(snapshot, section, mine))
    return (*checks, *(_of_finding(snapshot, finding) for finding in left))


def _check(snapshot: Snapshot, section: Section, findings: Sequence[Finding]) -> Check:
    """Return the facts of a part; where it has faults also their evidence, and the steps that cure them."""
    facts = section.describe(snapshot) if section.describe else ""
    if not findings:
        return Check(section.name, good=True, found=facts)
    evidence = [finding.found for finding in findings if finding.found not in facts]
    steps = dict.fromkeys(_step(snapshot, finding) for finding in findings)
    shown = [facts] if facts else [findings[0].title]
    return Check(section.name, good=False, found="; ".join([*shown, *evidence]), next_step=" && ".join(steps))


def _of_finding(snapshot: Snapshot, finding: Finding) -> Check:
    return Check(
        finding.cause, good=False, found=f"{finding.title}; {finding.found}", next_step=_step(snapshot, finding)
    )


def _step(snapshot: Snapshot, finding: Finding) -> str:
    """Return a remedy without its last step, to bring the stack up: that comes next anyway."""
    return finding.do.removesuffix(f" && {up(snapshot.namespace)}")
