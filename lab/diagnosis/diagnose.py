"""All rules over one snapshot: causes first, without what they explain."""

from collections.abc import Iterable

from lab.diagnosis.finding import Finding
from lab.diagnosis.rules import LAST_RESORT, RULES
from lab.snapshots.snapshot import Snapshot


def diagnose(snapshot: Snapshot) -> tuple[Finding, ...]:
    """What is wrong, most causal first; empty where all is well.

    A finding is left out where an earlier one surely stops what it rests on: a pod whose image cannot be pulled has no
    metrics, and that needs no second explanation.
    """
    found = [finding for rule in RULES.values() for finding in rule(snapshot)]
    return tuple(_causes([*found, *LAST_RESORT(snapshot)]))


def _causes(found: Iterable[Finding]) -> Iterable[Finding]:
    stopped: set[str] = set()
    seen: set[tuple[str, str]] = set()
    for finding in found:
        if stopped.isdisjoint(finding.rests_on) and (finding.cause, finding.object) not in seen:
            seen.add((finding.cause, finding.object))
            yield finding
        stopped.update(finding.stops)
