"""Why samples do not reach the metrics server."""

import re
from typing import Final, Literal, NamedTuple

from lab.diagnosis.rules.evidence.metrics import FRESH_S, fresh_samples
from lab.diagnosis.rules.telemetry.pipeline import age_s, collector_log, is_pushed
from lab.snapshots.snapshot import Snapshot

RECEIVER_OFF: Final = "remote write receiver needs to be enabled"
REFUSED: Final = re.compile(r"out of order sample|out of bounds|too old|too far in the future|duplicate sample")


class DeliveryFailure(NamedTuple):
    """Why the metrics server gets no samples.

    Attributes:
        kind: The server does not answer, its remote-write receiver is off, or it refuses the samples.
        evidence: The error of the server, or a line of the collector's log.
        rests_on: As `Finding.rests_on`.
    """

    kind: Literal["no-answer", "receiver-off", "samples-refused"]
    evidence: str
    rests_on: tuple[str, ...] = ()

    @property
    def refusal(self) -> str:
        """The words by which samples are refused; empty where the evidence has none."""
        match = REFUSED.search(self.evidence)
        return match[0] if match else ""


def delivery_failure(snapshot: Snapshot) -> DeliveryFailure | None:
    """Return why the metrics server gets no samples; None where nothing shows that it gets none."""
    probe, off, refused = snapshot.probes.prometheus, _lines_about_receiver(snapshot), _refusals(snapshot)
    if probe is not None and probe.reachable is False:
        return DeliveryFailure("no-answer", probe.error)
    if off:
        return DeliveryFailure("receiver-off", off[-1])
    if probe is not None and probe.receives is False and is_pushed(snapshot):
        return DeliveryFailure("receiver-off", f"{probe.url}/api/v1/write answers 404")
    if refused and not fresh_samples(snapshot):
        # A wrong clock explains a refusal.
        return DeliveryFailure("samples-refused", refused[-1], rests_on=("clock",))
    return None


def _lines_about_receiver(snapshot: Snapshot) -> list[str]:
    """Return the lines in which the collector logged that the receiver is off; none where the receiver is on by now.

    It is on where it accepts a write, or where samples arrive.
    """
    probe = snapshot.probes.prometheus
    if fresh_samples(snapshot) or (probe is not None and probe.receives is True):
        return []
    return [line for line in collector_log(snapshot) if RECEIVER_OFF in line]


def _refusals(snapshot: Snapshot) -> list[str]:
    """Return the recent lines in which the collector logged that its samples were refused.

    An older refusal was cured, or came from another server than the one that is asked now.
    """
    return [line for line in collector_log(snapshot) if REFUSED.search(line) and age_s(snapshot, line) <= FRESH_S]
