"""Proves that a stack is the requested stack."""

from collections.abc import Iterable, Sequence
from typing import Final

from lab.errors import Unavailable
from lab.metrics.port import MetricSource
from lab.model import ProcessIdentity
from lab.targets.port import Deployment, Report
from lab.trials.identity import doubts
from lab.trials.ports import Parts
from lab.waiting import Polls

POLL_S: Final = 0.5
"""Between two looks at the metrics server."""


def prove(deployment: Deployment, parts: Parts, report: Report, *, started_s: float) -> None:
    """Compare every process with what was requested, and wait for its promised metric.

    Args:
        deployment: The stack, which is up.
        parts: The parts of the trial.
        report: Is told that the stack is well.
        started_s: When the stack began to come up, by `parts.clock`.

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
    waited_s = await_metrics(deployment, identities, parts)
    services = {identity.service for identity in identities} & set(parts.system.services)
    agreed = f"{len(services)} services, {len(identities)} pods; digest, node, runtime and process agree"
    report("well", f"{agreed}; contract metrics arrived after {waited_s:.0f} s", parts.clock() - started_s)


def await_metrics(
    deployment: Deployment, identities: Sequence[ProcessIdentity], parts: Parts, *, pause_s: float = POLL_S
) -> float:
    """Wait until the promised metric of every process has arrived at the metrics server; return the seconds it took.

    Raises:
        Unavailable: A metric does not arrive. A service that runs and reports nothing is not well.
    """
    polls = Polls(within_s=parts.patience.metrics_s, every_s=pause_s, clock=parts.clock)
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
