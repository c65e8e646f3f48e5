"""Brings a stack up, proves that it is the requested stack, and explains its failures."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final, NoReturn

from lab.errors import BadConfig, LabError, Unavailable
from lab.metrics.port import MetricSource
from lab.model import ProcessIdentity
from lab.snapshots.snapshot import Moment
from lab.targets.port import Deployment, Report, StackRequest
from lab.trials.explain import explained
from lab.trials.identity import doubts
from lab.trials.ports import Parts
from lab.waiting import Polls

POLL_S: Final = 0.5
EXPLAINED: Final = (Unavailable, BadConfig)
"""Errors that a snapshot may explain; a fault of use or of a file says itself what is wrong."""


@contextmanager
def brought_up(parts: Parts, request: StackRequest, report: Report) -> Iterator[Deployment]:
    """Yield a stack that is up and proven. A failure is explained while the stack still exists.

    Raises:
        LabError: The stack cannot be brought up, or is not what was requested.
    """
    with ExitStack() as entered:
        with _explaining_beforehand(parts):
            deployment = entered.enter_context(parts.target.deployed(request, report))
        entered.enter_context(_explaining(deployment.folder, parts))
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
    """Compare every process with what was requested, and wait for its promised metric.

    Raises:
        Unavailable: A process is not what was requested, or its metrics do not arrive.
    """
    identities = deployment.identities()
    if not identities:
        return
    if raised := doubts(identities, is_in_index=parts.is_in_index):
        raise Unavailable(
            f"{raised[0].name} is not what was requested",
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
    polls = Polls(within_s=parts.patience.metrics_s, every_s=pause_s, clock=clock)
    promised, servers = parts.system.promised, deployment.servers
    source = parts.metrics(servers)
    wanted = {
        (promised[identity.service], identity.instance_id): identity.name
        for identity in identities
        if identity.service in promised
    }
    while missing := wanted.keys() - _arrived(source, promised.values()):
        if not polls.another():
            metric, instance = min(missing)
            hint = f"; {deployment.metrics_hint}" if deployment.metrics_hint else ""
            raise Unavailable(
                f"{wanted[metric, instance]} runs, and its metrics do not arrive",
                found=f"no sample of {metric} in {parts.patience.metrics_s:g} s at "
                f"{servers.prometheus_url}; {len(missing)} of {len(wanted)} processes are silent{hint}",
                next_step="lab diagnose",
                code="E_NO_METRICS",
            )
    return polls.passed_s


def _arrived(source: MetricSource, promised: Iterable[str]) -> frozenset[tuple[str, str]]:
    """Return (metric, instance) of every promised metric that the metrics server has."""
    return frozenset((name, instance) for name in promised for instance in source.newest(name))


@contextmanager
def _explaining_beforehand(parts: Parts) -> Iterator[None]:
    """Explain why there is no deployment, unless the error has a next step of its own."""
    try:
        yield
    except EXPLAINED as error:
        if error.next_step:
            raise
        _raise_explained(error, None, parts, "before")


@contextmanager
def _explaining(folder: Path, parts: Parts) -> Iterator[None]:
    """Explain an error of the context by a snapshot of the stack in the folder."""
    try:
        yield
    except EXPLAINED as error:
        _raise_explained(error, folder, parts, "after")


def _raise_explained(error: LabError, folder: Path | None, parts: Parts, moment: Moment) -> NoReturn:
    """Raise an error with the cause that a snapshot shows; unchanged where there are no probes or no cause."""
    if parts.snapshots is None:
        raise error
    explanation = explained(error, parts.snapshots(folder), parts.failures, moment=moment)
    if explanation is error:
        raise error
    raise explanation from error
