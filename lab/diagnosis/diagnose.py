"""Runs the rules over a snapshot."""

from collections.abc import Iterable

from lab.diagnosis.finding import Finding
from lab.diagnosis.rules import rules_for
from lab.snapshots.snapshot import Snapshot


def diagnose(snapshot: Snapshot) -> tuple[Finding, ...]:
    """Return what is wrong, most causal first; empty where nothing is.

    A finding is left out where an earlier one stops what it rests on: the metrics of a pod whose image cannot be pulled
    need no second explanation. An earlier finding counts even when it was itself left out.
    """
    return tuple(_causes(finding for rule in rules_for(snapshot) for finding in rule(snapshot)))


def _causes(findings: Iterable[Finding]) -> Iterable[Finding]:
    stopped: set[str] = set()
    seen: set[tuple[str, str]] = set()
    for finding in findings:
        if stopped.isdisjoint(finding.rests_on) and (finding.cause, finding.object) not in seen:
            seen.add((finding.cause, finding.object))
            yield finding
        stopped.update(finding.stops)
