"""Workers that run and consume no events."""

from collections.abc import Iterator
from typing import Final

from lab.diagnosis import remedies
from lab.diagnosis.finding import Finding, name_of
from lab.diagnosis.rules.evidence.metrics import events_that_wait
from lab.diagnosis.rules.telemetry.environment import difference, running_pods
from lab.snapshots.snapshot import Snapshot, by_workload

CAUSE: Final = "running-no-metrics"
QUEUE_VARIABLES: Final = ("LAB_REDIS_URL", "LAB_STORE_NAMESPACE")
"""Variables that choose the stream of events."""


def workers_consume_nothing(snapshot: Snapshot) -> Iterator[Finding]:
    """Workers run, events wait, and none is consumed."""
    evidence, workers = events_that_wait(snapshot), running_pods(snapshot, "process-worker")
    if not evidence or not workers:
        return
    producers = running_pods(snapshot, "ingest-api")
    for workload, pods in by_workload(workers).items():
        why, do = difference(snapshot, pods[0], producers, QUEUE_VARIABLES) or (
            "its process is stuck or paused, or waits on a dead connection",
            remedies.restart(snapshot.namespace, workload),
        )
        yield Finding(
            cause=CAUSE,
            object=workload,
            title=f"{name_of(workload)} runs, counts nothing: the first silent stage is consuming",
            found=evidence,
            why=why,
            do=do,
            rests_on=("store", *(pod.ref for pod in pods)),
        )
