"""What `run.json` says of a trial, for people and programs that know nothing of the lab."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from lab.analysis.remarks import remarks
from lab.analysis.strata import strata
from lab.model import NANOS, ObjectiveResult, Trial

if TYPE_CHECKING:
    from lab.analysis.estimate import Estimate
    from lab.analysis.strata import Stratum


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
        "notes": list(remarks(evidence)),
        "strata": [_stratum(one) for one in strata(evidence)],
        "deaths": [death._asdict() for death in evidence.deaths],
        "environment": dict(trial.environment),
    }


def _stratum(stratum: Stratum) -> dict[str, Any]:
    return {
        "architecture": stratum.place.architecture,
        "node": stratum.place.node,
        "emulated": bool(stratum.emulated),
        "accepted": stratum.accepted,
        "counted": stratum.counted,
        "ingest_cpu_ms_per_1000": _estimate(stratum.ingest_cpu),
        "worker_cpu_ms_per_1000": _estimate(stratum.worker_cpu),
    }


def _estimate(estimate: Estimate) -> dict[str, Any]:
    within = None if estimate.low is None else [estimate.low, estimate.high]
    return {"value": estimate.value, "interval_within_run": within, "note": estimate.note}


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
