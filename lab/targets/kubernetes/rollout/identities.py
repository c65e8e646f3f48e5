"""Tells what every process of a stack is. Pure."""

from collections.abc import Iterator, Mapping, Sequence

from lab.model import ProcessIdentity, ServiceStatus
from lab.snapshots.kubernetes import Node
from lab.targets.kubernetes.rollout.pods import PodView
from lab.targets.kubernetes.rollout.rows import Row


def identities_in(
    rows: Sequence[Row], statuses: Mapping[str, ServiceStatus], nodes: Sequence[Node]
) -> Iterator[ProcessIdentity]:
    """Yield the identity of every process, except those in terminating pods.

    Args:
        rows: Deployments and their pods.
        statuses: Pod → status that its process reports.
        nodes: Nodes of the cluster.
    """
    architectures = {node.name: node.architecture for node in nodes}
    for row in rows:
        for pod in row.pods:
            if not pod.is_terminating:
                yield _identity(row, pod, architectures.get(pod.node, ""), statuses.get(pod.name))


def _identity(row: Row, pod: PodView, node_architecture: str, status: ServiceStatus | None) -> ProcessIdentity:
    return ProcessIdentity(
        name=pod.name,
        service=row.service,
        instance_id=status.instance_id if status else "",
        architecture=row.architecture,
        node=pod.node,
        node_architecture=node_architecture,
        image=pod.image,
        image_id=pod.image_id,
        machine=status.host_architecture if status else "",
    )
