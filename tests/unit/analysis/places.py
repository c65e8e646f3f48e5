"""Evidence of a trial on two nodes; the second is a board."""

from dataclasses import replace

import numpy as np

from lab.analysis.agreement import COUNTER
from lab.model import Evidence, Series, ServiceStatus
from services.contracts.signals import INGEST_EVENTS_ACCEPTED, PROCESS_CPU_TIME, SIMULATOR_EVENTS_SENT
from tests.unit.analysis import builders

NODES = {"big": "x86_64", "board": "aarch64"}
SECONDS = np.arange(-3.0, 23.0)
SHARES = {"big": 75.0, "board": 25.0}
"""Of a hundred events a second."""
COSTS_S = {"big": 0.001, "board": 0.004}
"""CPU seconds an event."""


def instance(service: str, node: str) -> str:
    """Return the name of a process."""
    return f"{service} on {node}"


def growing(name: str, service: str, node: str, *, per_second: float) -> Series:
    """Return a counter that grows evenly while the load lasts."""
    labels = {"job": f"lab/{service}", "instance": instance(service, node)}
    labels |= {"k8s_node_name": node, "host_arch": NODES[node]}
    points = [(float(at), float(min(max(at, 0), 20) * per_second)) for at in SECONDS]
    return builders.series(name, labels, points)


def statuses(*, cpu_of_board: str = "aarch64") -> tuple[ServiceStatus, ...]:
    """Return the status of every service on both nodes."""
    cpu = {"big": "x86_64", "board": cpu_of_board}
    return tuple(
        ServiceStatus(
            service,
            "",
            healthy=True,
            instance_id=instance(service, node),
            host_architecture=machine,
            cpu_architecture=cpu[node],
            node=node,
        )
        for service in ("ingest-api", "process-worker", "query-api")
        for node, machine in NODES.items()
    )


def evidence(*, load_on: str = "elsewhere") -> Evidence:
    """Return evidence of a load that both nodes share, three to one."""
    good = builders.evidence()
    series = [
        growing(name, service, node, per_second=share * factor)
        for node, share in SHARES.items()
        for name, service, factor in (
            (COUNTER, "process-worker", 1.0),
            (PROCESS_CPU_TIME.prometheus_name, "process-worker", COSTS_S[node]),
            (INGEST_EVENTS_ACCEPTED.prometheus_name, "ingest-api", 1.0),
            (PROCESS_CPU_TIME.prometheus_name, "ingest-api", 2 * COSTS_S[node]),
        )
    ]
    if load_on in NODES:
        series.append(growing(SIMULATOR_EVENTS_SENT.prometheus_name, "simulator", load_on, per_second=100.0))
    counted = {instance("process-worker", node): round(20 * share) for node, share in SHARES.items()}
    store = replace(good.store, instances=counted)
    return replace(good, series=tuple(series), statuses=statuses(), store=store)
