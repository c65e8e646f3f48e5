"""Brings a stack up, proves that it is what was wanted, and explains what fails on it."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from lab.errors import BadConfig, Unavailable
from lab.model import ProcessIdentity
from lab.targets.port import Deployment, Report, StackRequest
from lab.trials.explain import explained
from lab.trials.identity import doubts
from lab.trials.ports import Parts

POLL_S: Final = 0.5
EXPLAINED: Final = (Unavailable, BadConfig)
"""What a snapshot may explain; a fault of use or of a file says itself what is wrong."""


@contextmanager
def brought_up(parts: Parts, request: StackRequest, report: Report) -> Iterator[Deployment]:
    """Yield a stack that is up and proven. What fails on it is explained while the stack is still there.

    Raises:
        LabError: The stack cannot be brought up, or is not what was wanted.
    """
    with parts.target.deployed(request, report) as deployment, _explaining(deployment, parts):
        started = time.monotonic()
        deployment.bring_up()
        prove(deployment, parts, report, started=started)
        yield deployment


def prove(
    deployment: Deployment,
    parts: Parts,
    report: Report,
    *,
    started: float,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Compare what every process is with what was wanted, and wait for its promised metric.

    Raises:
        Unavailable: A process is not what was wanted, or its metrics do not arrive.
    """
    identities = deployment.identities()
    if not identities:
        return
    if raised := doubts(identities, is_in_index=parts.is_in_index):
        raise Unavailable(
            f"{raised[0].name} is not what was wanted",
            found="\n".join(f"{doubt.name}: {doubt.reason}" for doubt in raised[:2]),
            next_step="lab diagnose",
            code="E_ARCH",
        )
    waited_s = await_metrics(deployment, identities, parts, clock=clock)
    services = {identity.service for identity in identities} & set(parts.system.services)
    agreed = f"{len(services)} services, {len(identities)} pods; digest, node, runtime and process agree"
    report("well", f"{agreed}; contract metrics arrived after {waited_s:.0f} s", clock() - started)


def await_metrics(
    deployment: Deployment,
    identities: Sequence[ProcessIdentity],
    parts: Parts,
    *,
    clock: Callable[[], float] = time.monotonic,
    pause_s: float = POLL_S,
) -> float:
    """Wait until the promised metric of every process has arrived at the metrics server; return the seconds it took.

    Raises:
        Unavailable: A metric does not arrive. A service that runs and reports nothing is not well.
    """
    started, pause, promised = clock(), threading.Event(), parts.system.promised
    wanted = {
        (promised[identity.service], identity.instance_id): identity.name
        for identity in identities
        if identity.service in promised
    }
    while missing := wanted.keys() - _arrived(deployment, parts):
        if clock() - started > parts.patience.metrics_s:
            metric, instance = min(missing)
            hint = f"; {deployment.metrics_hint}" if deployment.metrics_hint else ""
            raise Unavailable(
                f"{wanted[metric, instance]} runs, and its metrics do not arrive",
                found=f"no sample of {metric} in {parts.patience.metrics_s:g} s at "
                f"{deployment.servers.prometheus_url}; {len(missing)} of {len(wanted)} processes are silent{hint}",
                next_step="lab diagnose",
                code="E_NO_METRICS",
            )
        pause.wait(pause_s)
    return clock() - started


def _arrived(deployment: Deployment, parts: Parts) -> frozenset[tuple[str, str]]:
    """Return (metric, instance) of every promised metric that the metrics server has."""
    source = parts.metrics(deployment.servers)
    return frozenset((name, instance) for name in parts.system.promised.values() for instance in source.newest(name))


@contextmanager
def _explaining(deployment: Deployment, parts: Parts) -> Iterator[None]:
    """Add the cause that a snapshot shows to what is raised in the context."""
    try:
        yield
    except EXPLAINED as error:
        if parts.snapshots is None:
            raise
        explanation = explained(error, parts.snapshots(deployment), parts.failures)
        if explanation is error:
            raise
        raise explanation from error
