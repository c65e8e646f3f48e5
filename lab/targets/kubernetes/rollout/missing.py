"""What of a stack does not run, in the words of a status; pure."""

from collections.abc import Iterator, Sequence

from lab.model import ServiceStatus
from lab.targets.kubernetes.rollout.identity import LEAVING
from lab.targets.kubernetes.rollout.rows import PodView, Row


def missing_parts(rows: Sequence[Row]) -> Iterator[ServiceStatus]:
    """Every pod that is not ready, and every Deployment that has too few; pods that are leaving count as gone."""
    for row in rows:
        there = [pod for pod in row.pods if pod.doing != LEAVING]
        yield from (_not_ready(row, pod) for pod in there if not pod.ready)
        if len(there) < max(row.wanted, 1):
            have = f"{len(there)} of {row.wanted} pods" if there else f"no pod, {row.wanted} wanted"
            detail = "; ".join(filter(None, (f"{row.deployment}: {have}", row.trouble)))
            yield ServiceStatus(row.service or row.deployment, "", healthy=False, detail=detail)


def _not_ready(row: Row, pod: PodView) -> ServiceStatus:
    doing = "not ready" if pod.doing == "Running" else pod.doing
    restarts = f"restarted {pod.restarts} times" if pod.restarts else ""
    words = "; ".join(filter(None, (f"pod {pod.name} on {pod.node or 'no node'}", doing, restarts)))
    return ServiceStatus(row.service or row.deployment, "", healthy=False, detail=words, node=pod.node)
