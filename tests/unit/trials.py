"""Whole trials, judged from small evidence."""

from dataclasses import replace

from lab.analysis.judge import judge
from lab.model import Death, Evidence, Experiment, FaultRecord, Objective, Series, SkippedRow, Trial
from tests.unit.analysis import builders

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


def _backlog(observed: Evidence) -> tuple[Series, ...]:
    any_series = observed.series[0]
    return (Series("lab_stream_backlog", {"job": "lab/query-api"}, any_series.time_s, 0 * any_series.value + 7),)
