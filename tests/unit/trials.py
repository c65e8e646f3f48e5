"""Whole trials, judged from small evidence."""

from dataclasses import replace

import numpy as np

from lab.analysis.judge import judge
from lab.model import Death, Evidence, Experiment, FaultRecord, Objective, Series, SkippedRow, Trial
from lab.systems.services import PROCESS_WORKER, WORKER_JOB
from tests.unit.analysis import builders, places

OBJECTIVES = (Objective("latency", 50.0), Objective("lost", 0), Objective("double-counted", 0))
SPAN = {"traceId": "a" * 32, "spanId": "b" * 16, "startTimeUnixNano": "1800000000000000000"}
DOCUMENT = {
    "resourceSpans": [
        {
            "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "simulator"}}]},
            "scopeSpans": [
                {"spans": [{"traceId": "a" * 32, "spanId": "b" * 16, "startTimeUnixNano": "1800000000000000000"}]}
            ],
        }
    ]
}


def trial(*objectives: Objective, evidence: Evidence | None = None, folder: str = "") -> Trial:
    """Return a trial that is VALID and MET, unless its evidence or its objectives differ."""
    observed = evidence or builders.evidence()
    experiment: Experiment = builders.experiment(*(objectives or OBJECTIVES))
    validity, verdict, ledger, comparison = judge(experiment, observed)
    return Trial(
        run_id="2026-11-23-065312-k3f9-quickstart",
        experiment=experiment,
        started_ns=builders.START_NS,
        ended_ns=builders.START_NS + 60 * 10**9,
        evidence=observed,
        validity=validity,
        verdict=verdict,
        ledger=ledger,
        comparison=comparison,
        environment={"git_sha": "0123456789abcdef", "dirty": False, "machine": {"cores": 2}},
        parameters={"rate": 100.0, "source": "<synthetic> & co"},
        folder=folder,
    )


def rich() -> Trial:
    """Return a trial that has a fault, a death, spans, skipped rows, notes, and pauses."""
    observed = builders.evidence()
    start = observed.load_run.window.start_ns
    load_run = replace(
        observed.load_run,
        skipped_rows=2,
        skipped=(SkippedRow(3, "value: <empty>"),),
        notes=("naive times were read as UTC",),
    )
    return trial(
        evidence=replace(
            observed,
            load_run=load_run,
            spans=(DOCUMENT,),
            faults=(FaultRecord("kill", "process-worker", start + 10**9, start + 10**9, 40),),
            deaths=(Death("process-worker", "gone", start + 10**9, 9, 0),),
            pauses_s=((start / 1e9 + 2.0, 0.08),),
            series=(*observed.series, *_backlog(observed)),
        )
    )


def invalid() -> Trial:
    """Return a trial that may not be believed: its store was volatile."""
    observed = builders.evidence()
    return trial(evidence=replace(observed, store=replace(observed.store, durability="volatile")))


def trial_on(architecture: str, *, latency_ms: float = 3.0, cpu_of_board: str = "aarch64") -> Trial:
    """Return a trial whose services run on one architecture alone."""
    node = {"amd64": "big", "arm64": "board"}[architecture]
    samples = builders.samples(latency_ms + np.random.default_rng(1).random(2_000))
    good = builders.evidence(samples)
    here = tuple(status for status in places.statuses(cpu_of_board=cpu_of_board) if status.node == node)
    series = places.evidence().series
    cpu = [metric for metric in series if metric.labels["k8s_node_name"] == node and "cpu" in metric.name]
    cost = [replace(metric, time_s=metric.time_s + 0.4) for metric in cpu]  # Scraped together with the counter.
    worker = places.instance(PROCESS_WORKER, node)
    counter = replace(good.series[0], labels={"job": WORKER_JOB, "instance": worker})
    store = replace(good.store, instances={worker: 2_000})
    evidence = replace(good, statuses=here, store=store, series=(counter, *good.series[1:], *cost))
    usual = trial(evidence=evidence)
    experiment = replace(usual.experiment, architecture=architecture)
    validity, verdict, ledger, comparison = judge(experiment, evidence)
    return replace(
        usual, experiment=experiment, validity=validity, verdict=verdict, ledger=ledger, comparison=comparison
    )


def _backlog(observed: Evidence) -> tuple[Series, ...]:
    any_series = observed.series[0]
    return (Series("lab_stream_backlog", {"job": "lab/query-api"}, any_series.time_s, 0 * any_series.value + 7),)
