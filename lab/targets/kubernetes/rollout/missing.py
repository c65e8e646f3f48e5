"""Lists the parts of a stack that do not run. Pure."""

from collections.abc import Iterator, Sequence

from lab.model import ServiceStatus
from lab.targets.kubernetes.rollout.pods import PodView
from lab.targets.kubernetes.rollout.rows import Row


def missing_parts(rows: Sequence[Row]) -> Iterator[ServiceStatus]:
    """Yield a status for every pod that is not ready, and for every Deployment with too few pods.

    Terminating pods count as gone.
    """
    for row in rows:
        pods = [pod for pod in row.pods if not pod.is_terminating]
        yield from (_not_ready(row, pod) for pod in pods if not pod.ready)
        if len(pods) < max(row.wanted, 1):
            count = f"{len(pods)} of {row.wanted} pods" if pods else f"no pod, {row.wanted} wanted"
            detail = "; ".join(filter(None, (f"{row.deployment}: {count}", row.warning)))
            yield ServiceStatus(row.service or row.deployment, "", healthy=False, detail=detail)


def _not_ready(row: Row, pod: PodView) -> ServiceStatus:
    state = "not ready" if pod.state == "Running" else pod.state
    restarts = f"restarted {pod.restarts} times" if pod.restarts else ""
    detail = "; ".join(filter(None, (f"pod {pod.name} on {pod.node or 'no node'}", state, restarts)))
    return ServiceStatus(row.service or row.deployment, "", healthy=False, detail=detail, node=pod.node)
