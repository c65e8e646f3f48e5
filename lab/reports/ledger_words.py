"""Which number of the ledger becomes which words."""

from typing import NamedTuple

from lab.model import LedgerAccount


class Leak(NamedTuple):
    """Events that left the path.

    Attributes:
        after: The last step that the events made.
        words: What became of them.
        events: How many.
        bad: False where the events may be counted all the same.
    """

    after: str
    words: str
    events: int
    bad: bool = True


def every_number(ledger: LedgerAccount) -> dict[str, int]:
    """Return every number under its own name, in events; the answer of a trial lists all of them."""
    return {
        "intended": ledger.intended,
        "sent": ledger.sent,
        "acknowledged": ledger.acknowledged,
        "unknown": ledger.unknown,
        "refused": ledger.refused,
        "accepted": ledger.accepted,
        "duplicates": ledger.duplicates,
        "counted": ledger.counted,
        "dead": ledger.dead,
        "backlog": ledger.backlog,
        "residual": ledger.residual,
        "lost": ledger.lost,
        "double_counted": ledger.double_counted,
    }


def steps(ledger: LedgerAccount) -> dict[str, int]:
    """Return the steps of the path in order, each with the events that made it; the picture has a box for each."""
    return {
        "intended": ledger.intended,
        "sent": ledger.sent,
        "acknowledged": ledger.acknowledged,
        "accepted": ledger.accepted,
        "counted": ledger.counted,
    }


def always_stated(ledger: LedgerAccount) -> dict[str, int]:
    """Return the numbers beside the path that the account states even where they are 0, in events."""
    return {"dead": ledger.dead, "double-counted": ledger.double_counted}


def stated_unless_zero(ledger: LedgerAccount) -> dict[str, int]:
    """Return the numbers beside the path that the account leaves out where they are 0, in events."""
    return {
        "refused": ledger.refused,
        "unknown": ledger.unknown,
        "backlog": ledger.backlog,
        "residual": ledger.residual,
        "duplicates": ledger.duplicates,
        "lost": ledger.lost,
    }


def leaks(ledger: LedgerAccount) -> list[Leak]:
    """Return where events left the path, from its start to its end; the picture draws each below the path."""
    possible = (
        Leak("intended", "never sent", ledger.intended - ledger.sent),
        Leak("sent", "refused", ledger.refused),
        Leak("sent", "unknown", ledger.unknown, bad=False),
        Leak("acknowledged", "lost", ledger.lost),
        Leak("accepted", "dead", ledger.dead),
        Leak("accepted", "waiting", ledger.backlog),
        Leak("accepted", "double-counted", ledger.double_counted),
    )
    return [leak for leak in possible if leak.events]
