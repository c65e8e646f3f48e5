"""What a test reads from a diagnosis."""

from lab.diagnosis.diagnose import diagnose
from lab.diagnosis.finding import Finding
from lab.snapshots.snapshot import Snapshot


def only(snapshot: Snapshot) -> Finding:
    """Return the only finding there is."""
    findings = diagnose(snapshot)
    assert len(findings) == 1, causes_and_objects(snapshot)
    return findings[0]


def causes(snapshot: Snapshot) -> list[str]:
    """Return the cause of every finding."""
    return [finding.cause for finding in diagnose(snapshot)]


def causes_and_objects(snapshot: Snapshot) -> list[tuple[str, str]]:
    """Return cause and object of every finding."""
    return [(finding.cause, finding.object) for finding in diagnose(snapshot)]
