"""Workers that run and consume no events."""

from collections.abc import Iterator
from typing import Final

from lab.diagnosis import remedies
from lab.diagnosis.finding import Finding
from lab.diagnosis.rules.telemetry.environment import difference, running_pods
from lab.snapshots.snapshot import Snapshot, by_workload

CAUSE: Final = "running-no-metrics"
STILL_S: Final = 15.0
"""How long workers may count nothing while events wait: within this time they take over what a dead worker held."""
QUEUE_VARIABLES: Final = ("LAB_REDIS_URL", "LAB_STORE_NAMESPACE")
"""Variables that choose the stream of events."""


def workers_consume_nothing(snapshot: Snapshot) -> Iterator[Finding]:
    """Workers run, events wait, and none is consumed."""
    ledger, workers = snapshot.probes.ledger, running_pods(snapshot, "process-worker")
    if ledger is None or not workers or not ledger.backlog or ledger.still_s < STILL_S:
        return
    producers = running_pods(snapshot, "ingest-api")
    for workload, pods in by_workload(workers).items():
        why, do = difference(snapshot, pods[0], producers, QUEUE_VARIABLES) or (
            "its process is stuck or paused, or waits on a dead connection",
            remedies.restart(snapshot.namespace, workload),
        )
        yield Finding(
            CAUSE,
            workload,
            f"{workload.rpartition('/')[2]} runs, counts nothing: the first silent stage is consuming",
            found=f"{ledger.backlog:,} of {ledger.accepted:,} accepted events wait, and none was counted "
            f"in {ledger.still_s:.0f} s",
            why=why,
            do=do,
            rests_on=("store", *(pod.ref for pod in pods)),
        )
