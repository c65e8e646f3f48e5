"""Snapshots of a real cluster, saved while it had a fault: the rule of that fault finds it, all others stay silent.

`make snapshots` makes every fault on the tests' cluster and saves the snapshots again.
"""

import re
from pathlib import Path
from typing import Final

import pytest

from lab.diagnosis.diagnose import diagnose
from lab.diagnosis.rules import RULES
from lab.snapshots.files import load
from tests.unit.diagnosis.saved import EXPECTED, EXPLAINED

SAVED: Final = sorted((Path(__file__).parents[2] / "data" / "snapshots").glob("*.json"))
MADE_BY_HAND: Final = {
    "disk-pressure": "the nodes share this machine's disk, which a test must not fill",
    "node-pressure": "the nodes share this machine's memory and process ids, which a test must not use up",
    "clock-skew": "the nodes share this machine's clock; a planted offset is tested on a server of its own",
    "dns-failing": "names are resolved by a process of the control plane, which no `kubectl rollout` restarts",
    "registry-not-asked": "the fault is in a setting of the lab and not in a cluster",
    "redis-not-asked": "the rig's stores speak no TLS, and are healthy as soon as they answer",
    "prometheus-not-asked": "the rig's metrics server requires neither a login nor a certificate",
}
"""Cause → why the tests' cluster cannot have it. These causes have a case in `cases` only."""
VARIANTS_BY_HAND: Final = {
    "prometheus-receives-nothing: samples too old": "needs a Prometheus whose clock differs; it reads this machine's",
}
"""Variant of a cause → why the tests' cluster cannot have it. These variants have a case in `test_prometheus`."""


def cause_of(file: Path) -> str:
    """Return the cause that a file is named for. The rest of its name tells variants apart."""
    return max((cause for cause in RULES if file.stem.startswith(cause)), key=len)


def in_namespace(text: str, namespace: str) -> str:
    """Return an expected text for a namespace."""
    return text.replace("{namespace}", namespace)


def test_every_cause_was_seen_on_a_cluster_or_says_why_not() -> None:
    """The exceptions are few, and a cause that was seen is no exception."""
    seen = {cause_of(file) for file in SAVED}
    assert seen | MADE_BY_HAND.keys() == set(RULES)
    assert seen.isdisjoint(MADE_BY_HAND)
    assert len(MADE_BY_HAND) + len(VARIANTS_BY_HAND) <= 8


def test_the_expected_findings_are_those_of_the_saved_snapshots() -> None:
    """Every snapshot has some, and no entry is left of a snapshot that is gone."""
    assert EXPECTED.keys() == {file.stem for file in SAVED}
    assert EXPLAINED.keys() <= EXPECTED.keys()


@pytest.mark.parametrize("file", SAVED, ids=lambda file: str(file.stem))
def test_what_was_wrong_is_found_and_nothing_else(file: Path) -> None:
    """The cause is that of the file's name. Object, evidence and the whole next step are as expected."""
    snapshot = load(file)
    findings, all_expected = diagnose(snapshot), EXPECTED[file.stem]
    assert [(finding.cause, finding.object) for finding in findings] == [
        (cause_of(file), in_namespace(expected.object, snapshot.namespace)) for expected in all_expected
    ]
    for finding, expected in zip(findings, all_expected, strict=True):
        assert expected.found in finding.found
        command = in_namespace(expected.do, snapshot.namespace).split("…")
        assert re.fullmatch(".+".join(re.escape(part) for part in command), finding.do), finding.do


@pytest.mark.parametrize("file", SAVED, ids=lambda file: str(file.stem))
def test_every_rule_finds_its_own_fault_alone(file: Path) -> None:
    """Rules stay silent by themselves; only a listed rule is silenced because it rests on what the cause stops."""
    snapshot = load(file)
    by_cause = {cause: findings for cause, rule in RULES.items() if (findings := tuple(rule(snapshot)))}
    stopped = {part for finding in by_cause.pop(cause_of(file)) for part in finding.stops}
    assert by_cause.keys() == EXPLAINED.get(file.stem, frozenset())
    rest = [finding for findings in by_cause.values() for finding in findings]
    assert [finding for finding in rest if stopped.isdisjoint(finding.rests_on)] == []


@pytest.mark.parametrize("file", SAVED, ids=lambda file: str(file.stem))
def test_a_saved_snapshot_names_no_machine_but_those_of_the_cluster(file: Path) -> None:
    """All addresses are of the range for benchmarks, or of no machine."""
    text = file.read_text(encoding="utf-8")
    addresses = set(re.findall(r"\b\d{1,3}(?:\.\d{1,3}){3}\b", text))
    foreign = {address for address in addresses if not address.startswith(("0.", "127.", "198.18.", "198.19."))}
    assert foreign <= {"255.255.255.255"}
