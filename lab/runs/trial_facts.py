"""Describes a trial in plain JSON, for people and programs that know nothing of the lab. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.analysis.breakdown import breakdown
from lab.analysis.warnings import warnings_of
from lab.runs.documents import iso

if TYPE_CHECKING:
    from lab.analysis.breakdown import Share
    from lab.analysis.estimate import Estimate
    from lab.model import ObjectiveResult, Trial
    from lab.runs.documents import JsonObject


def facts_of(trial: Trial) -> JsonObject:
    """Return the facts of a trial that `run.json` keeps beside those of the run; times in UTC, counts in events."""
    evidence, comparison = trial.evidence, trial.comparison
    return {
        "experiment": trial.experiment.name,
        "window": {"from": iso(evidence.load_run.window.start_ns), "to": iso(evidence.load_run.window.end_ns)},
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
            "attributions": [attribution._asdict() for attribution in comparison.attributions],
        },
        "source": {
            "notes": list(evidence.load_run.notes),
            "skipped_rows": evidence.load_run.skipped_rows,
            "skipped": [row._asdict() for row in evidence.load_run.skipped],
            "window_ns": evidence.load_run.window_ns,
        },
        "refusals": [refusal._asdict() for refusal in evidence.load_run.refusals],
        "cpu_uses": [use._asdict() for use in evidence.cpu_uses],
        "faults": [fault._asdict() for fault in evidence.faults],
        "notes": list(warnings_of(evidence)),
        "breakdown": [_share(share) for share in breakdown(evidence)],
        "deaths": [death._asdict() for death in evidence.deaths],
        "environment": dict(trial.environment),
    }


def _share(share: Share) -> dict[str, object]:
    return {
        "architecture": share.place.architecture,
        "node": share.place.node,
        "emulated": bool(share.emulated),
        "accepted": share.accepted,
        "counted": share.counted,
        "ingest_cpu_ms_per_1000": _estimate(share.ingest_cpu),
        "worker_cpu_ms_per_1000": _estimate(share.worker_cpu),
    }


def _estimate(estimate: Estimate) -> dict[str, object]:
    within = None if estimate.low is None else [estimate.low, estimate.high]
    return {"value": estimate.value, "interval_within_run": within, "note": estimate.note}


def _objective(result: ObjectiveResult) -> dict[str, object]:
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
