"""What programs of a local stack, and the store itself, say against the store."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from lab.diagnosis import remedies
from lab.diagnosis.finding import Cure, Finding, Rule
from lab.diagnosis.rules.local.deaths import first_deaths, stopped_by
from lab.diagnosis.rules.local.logs import newest_lines
from lab.diagnosis.rules.servers.store_version import store_is_too_old
from lab.snapshots.answers import StoreProbe
from lab.snapshots.snapshot import Snapshot

REFUSAL: Final = re.compile(
    r"\b(?P<reason>KEY_CLASH|NOT_DURABLE|STORE_(?:TOO_OLD|EVICTS|DENIED|EMPTY|REPLACED|ROLLBACK|LOST|FULL|LOADING))\b"
)
"""How bootstrap and the services name what a store lacks."""
LOST: Final = frozenset({"STORE_EMPTY", "STORE_REPLACED", "STORE_ROLLBACK", "STORE_LOST"})
ABOUT_THE_STORE: Final = re.compile(rf"{REFUSAL.pattern}|STORE_UNREACHABLE|redis \S+:\d+: |refuses to log in")
SHOWN: Final = 4
"""Lines of a log that say why a store is refused."""


def store_is_refused(snapshot: Snapshot) -> Iterator[Finding]:
    """The store cannot hold the ledger, by the word of the store itself or of a program."""
    for finding in with_programs(store_is_too_old)(snapshot):
        # Without the setting the lab brings a store of its own.
        yield replace(finding, do=remedies.start_anew(snapshot, "LAB_REDIS_URL"))
    for program in first_deaths(snapshot):
        lines = newest_lines(program)
        refusal = next((match for line in reversed(lines) if (match := REFUSAL.search(line))), None)
        if refusal is None:
            continue
        why, do = _remedy(snapshot, refusal["reason"])
        yield Finding(
            cause="store-refused",
            object=program.ref,
            title=f"the store cannot hold the ledger: {refusal['reason']}",
            found="; ".join(lines[lines.index(refusal.string) :][:SHOWN]),
            why=why,
            do=do,
            stops=stopped_by(program),
            rests_on=(program.ref, "store"),
        )


def with_programs(rule: Rule) -> Rule:
    """Return a rule about the store whose findings also explain the programs that complain of the store."""

    def findings(snapshot: Snapshot) -> Iterator[Finding]:
        for finding in rule(snapshot):
            yield replace(finding, stops=(*finding.stops, *complaining(snapshot)))

    return findings


def complaining(snapshot: Snapshot) -> tuple[str, ...]:
    """Return the programs that died and whose logs end with a complaint about the store, as kind/name."""
    down = (program for program in snapshot.programs if program.gave_up or program.died_at)
    return tuple(program.ref for program in down if ABOUT_THE_STORE.search("\n".join(newest_lines(program))))


def _remedy(snapshot: Snapshot, reason: str) -> Cure:
    """Return why the store is refused, and what helps."""
    if reason in LOST:
        return Cure(
            "the ledger in the store is gone, or is an older one; what it acknowledged is lost", "lab down && lab up"
        )
    if reason == "KEY_CLASH":
        why = "keys of another program have the names of the ledger's own"
        return Cure(why, f"{remedies.start_anew(snapshot)} --set LAB_STORE_NAMESPACE=lab-2")
    if reason == "NOT_DURABLE":
        why = "LAB_REQUIRE_DURABILITY demands a store that keeps every write"
        return Cure(why, remedies.start_anew(snapshot, "LAB_REQUIRE_DURABILITY"))
    if reason == "STORE_TOO_OLD":
        why = "older servers have no functions, in which the ledger is kept; the lab brings a store of its own"
        return Cure(why, remedies.start_anew(snapshot, "LAB_REDIS_URL"))
    return Cure("the store says so itself", _ask(snapshot.probes.store) or remedies.start_anew(snapshot))


def _ask(probe: StoreProbe | None) -> str:
    return f"{remedies.redis_cli(probe)} info" if probe is not None else ""
