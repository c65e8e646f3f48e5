"""Local services that run while nothing is counted, or while no metric arrives: the first silent stage."""

import shlex
from collections.abc import Iterator
from typing import Final, NamedTuple

from lab.diagnosis import remedies
from lab.diagnosis.finding import Finding
from lab.diagnosis.rules.evidence.metrics import events_that_wait, fresh_samples, no_sample
from lab.snapshots.programs import ProgramProbe
from lab.snapshots.snapshot import Snapshot
from lab.snapshots.telemetry_variables import METRICS_PUSHED_TO, PUSHED_TO, SCRAPED_PORT
from lab.snapshots.unscraped import not_scraped
from services.contracts.signals import PROMISED

CAUSE: Final = "no-metrics"
WORKER: Final = "process-worker"
FIRST_SCRAPE_S: Final = 20.0
"""Prometheus looks for new targets every five seconds and scrapes them every second."""
PUSHES: Final = (METRICS_PUSHED_TO, PUSHED_TO)
"""Variables that name a collector for metrics."""


class Silence(NamedTuple):
    """Where metrics stop: the stage, the variable that stops them, how that came about."""

    stage: str
    variable: str
    why: str


def metrics_go_elsewhere(snapshot: Snapshot) -> Iterator[Finding]:
    """Before a deployment: a variable of the user's shell keeps the services from being scraped."""
    settings = snapshot.settings
    if snapshot.moment != "before" or settings is None or settings.prometheus_url:
        return
    elsewhere = not_scraped(settings.environment)
    if elsewhere is not None:
        yield Finding(
            cause="metrics-elsewhere",
            object=f"Variable/{elsewhere.variable}",
            title=f"{elsewhere.variable} keeps metrics from the lab's Prometheus",
            found=elsewhere.why,
            why="a run compares the ledger with the metrics that Prometheus has scraped",
            do=f"unset {elsewhere.variable}",
        )


def service_has_no_metrics(snapshot: Snapshot) -> Iterator[Finding]:
    """A service is ready and counts nothing, or its promised metric does not arrive."""
    if snapshot.machine is None or not snapshot.machine.stack_is_up:
        return
    yield from _idle(snapshot)
    probe = snapshot.probes.prometheus
    if probe is None or probe.samples is None:
        return
    silent = list(_silent(snapshot))
    some_arrive = bool(fresh_samples(snapshot))
    for silence in dict.fromkeys(_silence(snapshot, program) for program in silent):
        programs = [program for program in silent if _silence(snapshot, program) == silence]
        # Without a common variable each service is silent for itself, unless all are.
        if silence.variable or not some_arrive:
            yield _finding(snapshot, silence, programs)
        else:
            yield from (_finding(snapshot, silence, [program]) for program in programs)


def _idle(snapshot: Snapshot) -> Iterator[Finding]:
    """The worker runs, events wait, and it counts none."""
    evidence, worker = events_that_wait(snapshot), snapshot.program(WORKER)
    if not evidence or worker is None or not worker.is_up:
        return
    yield Finding(
        cause=CAUSE,
        object=worker.ref,
        title=f"{worker.name} runs, counts nothing: the first silent stage is consuming",
        found=evidence,
        why="its process is stuck, stopped, or waits on a connection that is dead",
        do=_restart(worker),
        rests_on=("store", worker.ref),
    )


def _silent(snapshot: Snapshot) -> Iterator[ProgramProbe]:
    """Yield the services that are ready for a while and whose promised metric is missing or old."""
    fresh = fresh_samples(snapshot)
    for service, signal in PROMISED.items():
        program = snapshot.program(service)
        if program is not None and program.ready_at and snapshot.taken_at - program.ready_at > FIRST_SCRAPE_S:
            instances = {instance for metric, instance in fresh if metric == signal.prometheus_name}
            if program.instance not in instances and not (instances and not program.instance):
                yield program


def _finding(snapshot: Snapshot, silence: Silence, silent: list[ProgramProbe]) -> Finding:
    """Return what is wrong with one service, or with several for the same reason."""
    probe, is_single = snapshot.probes.prometheus, len(silent) == 1
    url, metrics = probe.url if probe else "", [PROMISED[program.name].prometheus_name for program in silent]
    runs = f"{silent[0].name} runs" if is_single else f"{len(silent)} services run"
    return Finding(
        cause=CAUSE,
        object=silent[0].ref if is_single else f"Prometheus/{url}",
        title=f"{runs}, no metric arrives: the first silent stage is {silence.stage}",
        found=no_sample(metrics, url),
        why=silence.why,
        do=_remedy(snapshot, silence, silent, url),
        rests_on=("prometheus", *(program.ref for program in silent)),
    )


def _remedy(snapshot: Snapshot, silence: Silence, silent: list[ProgramProbe], url: str) -> str:
    if silence.variable:
        is_ours = snapshot.settings is not None and silence.variable in snapshot.settings.environment
        return remedies.start_anew(snapshot, *([silence.variable] if is_ours else []))
    if len(silent) == 1:
        return _restart(silent[0])
    return shlex.join(["curl", "-s", f"{url}/api/v1/targets?state=active"])


def _silence(snapshot: Snapshot, program: ProgramProbe) -> Silence:
    """Return the first stage between a service and the query that passes nothing on."""
    elsewhere = not_scraped(program.settings)
    if elsewhere is not None:
        stage = "the collector" if elsewhere.variable in PUSHES else "exporting"
        return Silence(stage, elsewhere.variable, elsewhere.why)
    port = program.settings.get(SCRAPED_PORT, "0")
    if port != "0" and any(
        other.settings.get(SCRAPED_PORT) == port for other in snapshot.programs if other is not program
    ):
        return Silence(
            "scraping", SCRAPED_PORT, f"{SCRAPED_PORT} is {port}: the services share one port, and one of them has it"
        )
    if snapshot.settings is not None and snapshot.settings.prometheus_url and snapshot.machine is not None:
        folder = f"{snapshot.machine.stack_dir}/prometheus/targets"
        return Silence("scraping", "", f"let this Prometheus scrape what file_sd finds in {folder}/*.json")
    return Silence("scraping", "", "the service does not answer a scrape, or Prometheus does not know it")


def _restart(program: ProgramProbe) -> str:
    """Return the command that ends a program; the supervisor starts it again."""
    return f"kill -KILL {program.pid}" if program.pid else "lab down && lab up"
