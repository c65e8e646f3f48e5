"""What `run.json` says of a trial, for people and programs that know nothing of the lab."""

from datetime import UTC, datetime
from typing import Any

from lab.model import NANOS, ObjectiveResult, Trial


def facts_of(trial: Trial) -> dict[str, Any]:
    """Everything but the state of the run itself."""
    evidence, comparison = trial.evidence, trial.comparison
    return {
        "experiment": trial.experiment.name,
        "started": iso(trial.started_ns),
        "window": {"from": iso(evidence.played.window.start_ns), "to": iso(evidence.played.window.end_ns)},
        "validity": {
            "status": trial.validity.status,
            "reasons": [{"code": code, "message": message} for code, message in trial.validity.reasons],
            "checked": list(trial.validity.checked),
        },
        "verdict": {
            "status": trial.verdict.status,
            "objectives": [_objective(result) for result in trial.verdict.objectives],
        },
        "ledger": {name: getattr(trial.ledger, name) for name in trial.ledger.__slots__},
        "comparison": {
            "query": comparison.query,
            "ledger_counted": comparison.ledger_counted,
            "prometheus_counted": comparison.prometheus_counted,
            "attributions": [one._asdict() for one in comparison.attributions],
        },
        "source": {
            "notes": list(evidence.played.notes),
            "skipped_rows": evidence.played.skipped_rows,
            "skipped": [row._asdict() for row in evidence.played.skipped],
            "window_ns": evidence.played.window_ns,
        },
        "faults": [fault._asdict() for fault in evidence.faults],
        "deaths": [death._asdict() for death in evidence.deaths],
        "environment": dict(trial.environment),
    }


def iso(nanos: int) -> str:
    """A moment in UTC, to the millisecond."""
    return datetime.fromtimestamp(nanos / NANOS, UTC).isoformat(timespec="milliseconds")


def _objective(result: ObjectiveResult) -> dict[str, Any]:
    return {
        "kind": result.objective.kind,
        "label": result.label,
        "unit": result.unit,
        "threshold": result.objective.threshold,
        "observed": result.observed,
        "interval_within_run": None if result.low is None else [result.low, result.high],
        "status": result.status,
        "note": result.note,
    }
