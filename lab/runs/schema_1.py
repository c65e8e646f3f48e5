"""Upgrades the contents of a run's folder from version 1 to version 2. Pure."""

from collections.abc import Mapping
from typing import Final

from lab.runs.documents import JsonObject

TYPE: Final = "_"
RENAMED_TYPES: Final[Mapping[str, str]] = {"Played": "LoadRun", "Total": "Aggregate"}
RENAMED_FIELDS: Final[Mapping[tuple[str, str], str]] = {
    ("Evidence", "played"): "load_run",
    ("LedgerAccount", "twice"): "double_counted",
    ("LoadRun", "journal"): "producer_ledger",
    ("LoadRun", "journal_unknown"): "producer_ledger_unknown",
}
"""Type of version 2 and field of version 1 → field of version 2."""
DROPPED_FIELDS: Final = frozenset({("LoadRun", "latency"), ("LoadRun", "service_time"), ("LoadRun", "schedule_delay")})
"""Histograms; the samples hold the same values exactly."""
RENAMED_OBJECTIVES: Final[Mapping[str, str]] = {"twice": "double-counted"}
PLACES: Final[Mapping[str, str]] = {"processes": "this machine"}
"""Target → where its trials ran; version 1 did not store that."""
RENAMED_TABLES: Final[Mapping[str, str]] = {
    "producer_ledger": "journal",
    "producer_ledger_unknown": "journal_unknown",
}
"""Table of version 2 → its file's name in version 1."""
RENAMED_FACTS: Final[Mapping[str, str]] = {"strata": "breakdown"}
"""Fact of `run.json` in version 1 → in version 2."""


def upgraded_trial(document: JsonObject) -> JsonObject:
    """Return an object of `trial.json`, and every object inside it, with the types and fields of version 2.

    >>> upgraded_trial({"_": "Total", "source": "a", "count": 1})
    {'_': 'Aggregate', 'source': 'a', 'count': 1}
    """
    if TYPE not in document:
        return {key: _upgraded(value) for key, value in document.items()}
    kind = RENAMED_TYPES.get(document[TYPE], document[TYPE])
    fields: JsonObject = {
        RENAMED_FIELDS.get((kind, name), name): _upgraded(value)
        for name, value in document.items()
        if name != TYPE and (kind, name) not in DROPPED_FIELDS
    }
    if kind == "Objective":
        fields["kind"] = RENAMED_OBJECTIVES.get(fields["kind"], fields["kind"])
    if kind == "Trial":
        target = fields["experiment"]["target"]
        fields["place"] = PLACES.get(target, target)
    return {TYPE: kind, **fields}


def upgraded_facts(stored: JsonObject) -> JsonObject:
    """Return the facts of a trial in `run.json` under the names of version 2."""
    facts = {RENAMED_FACTS.get(name, name): value for name, value in stored.items()}
    if isinstance(ledger := facts.get("ledger"), dict) and "twice" in ledger:
        facts["ledger"] = {("double_counted" if name == "twice" else name): value for name, value in ledger.items()}
    if isinstance(verdict := facts.get("verdict"), dict):
        objectives = [_upgraded_objective(result) for result in verdict.get("objectives", ())]
        facts["verdict"] = {**verdict, "objectives": objectives}
    return facts


def _upgraded(value: object) -> object:
    """Return a value of `trial.json` in version 2, of whatever type it is."""
    if isinstance(value, list):
        return [_upgraded(item) for item in value]
    return upgraded_trial(value) if isinstance(value, dict) else value


def _upgraded_objective(result: JsonObject) -> JsonObject:
    kind = result.get("kind", "")
    return {**result, "kind": RENAMED_OBJECTIVES.get(kind, kind)}
