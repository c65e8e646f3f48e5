"""Looks at a real cluster, saved while something was wrong there: every rule finds its own, and is silent on the rest.

`make snapshots` makes every fault on the tests' cluster and saves them again.
"""

import re
from pathlib import Path
from typing import Final

import pytest

from lab.diagnosis.diagnose import diagnose
from lab.diagnosis.rules import RULES
from lab.snapshots.snapshot import load
from tests.unit.diagnosis.saved import RESTS, SAID

SAVED: Final = sorted((Path(__file__).parents[2] / "data" / "snapshots").glob("*.json"))
MADE_BY_HAND: Final = {
    "disk-pressure": "the nodes share this machine's disk, which a test must not fill",
    "node-pressure": "the nodes share this machine's memory and process ids, which a test must not use up",
    "clock-skew": "the nodes share this machine's clock; a planted offset is tested on a server of its own",
    "dns-failing": "names are looked up in a process of the control plane, which no `kubectl rollout` restarts",
    "registry-not-asked": "a setting of the lab's own that cannot be used; no cluster has a part in it",
    "redis-not-asked": "the rig's stores speak no TLS, and are well as soon as they answer",
    "prometheus-not-asked": "the rig's metrics server wants neither a login nor a certificate",
}
"""Cause → why the tests' cluster cannot have it. These have a case in `cases` alone."""
VARIANTS_BY_HAND: Final = {
    "prometheus-receives-nothing: samples too old": "needs a Prometheus whose clock differs; it reads this machine's",
}
"""Of a cause that was seen otherwise, why not this way; these have a case in `test_variants`."""


def cause_of(file: Path) -> str:
    """The cause that a file is named for; what follows it tells variants apart."""
    return max((cause for cause in RULES if file.stem.startswith(cause)), key=len)


def in_namespace(text: str, namespace: str) -> str:
    """What is expected of a look at that namespace."""
    return text.replace("{namespace}", namespace)


def test_every_cause_was_seen_on_a_cluster_or_says_why_not() -> None:
    """The exceptions are few, and none of them is left once it was seen."""
    seen = {cause_of(file) for file in SAVED}
    assert seen | MADE_BY_HAND.keys() == set(RULES)
    assert seen.isdisjoint(MADE_BY_HAND)
    assert len(MADE_BY_HAND) + len(VARIANTS_BY_HAND) <= 8


def test_of_every_saved_look_it_is_told_what_has_to_be_said() -> None:
    """And of none that is gone."""
    assert SAID.keys() == {file.stem for file in SAVED}
    assert RESTS.keys() <= SAID.keys()


@pytest.mark.parametrize("file", SAVED, ids=lambda file: str(file.stem))
def test_what_was_wrong_is_found_and_nothing_else(file: Path) -> None:
    """The cause it is named for, at the object that has it, with the evidence and the whole next step."""
    look = load(file)
    found, expected = diagnose(look), SAID[file.stem]
    assert [(one.cause, one.object) for one in found] == [
        (cause_of(file), in_namespace(said.object, look.namespace)) for said in expected
    ]
    for one, said in zip(found, expected, strict=True):
        assert said.found in one.found
        command = ".+".join(re.escape(part) for part in in_namespace(said.do, look.namespace).split("…"))
        assert re.fullmatch(command, one.do), one.do


@pytest.mark.parametrize("file", SAVED, ids=lambda file: str(file.stem))
def test_every_rule_looks_at_its_own_fault_alone(file: Path) -> None:
    """None is silent only because another spoke before it, but for those that rest on what the cause stops."""
    look = load(file)
    spoken = {cause: found for cause, rule in RULES.items() if (found := tuple(rule(look)))}
    stopped = {part for one in spoken.pop(cause_of(file)) for part in one.stops}
    assert spoken.keys() == RESTS.get(file.stem, frozenset())
    assert [one for found in spoken.values() for one in found if stopped.isdisjoint(one.rests_on)] == []


@pytest.mark.parametrize("file", SAVED, ids=lambda file: str(file.stem))
def test_a_saved_look_names_no_machine_but_those_of_the_cluster(file: Path) -> None:
    """Addresses are of the range for benchmarks, or of nobody."""
    text = file.read_text(encoding="utf-8")
    addresses = {one for one in re.findall(r"\b\d{1,3}(?:\.\d{1,3}){3}\b", text) if not one.startswith(("0.", "127."))}
    assert {one for one in addresses if not one.startswith(("198.18.", "198.19."))} <= {"255.255.255.255"}
