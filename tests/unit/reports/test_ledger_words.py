"""Every number of the ledger has its words."""

from dataclasses import asdict, fields, replace
from typing import Final

import pytest

from lab.model import LedgerAccount
from lab.reports import answer, flow, words
from lab.reports.ledger_words import Leak, every_number, leaks, steps
from tests.unit import trials

FIELDS: Final = tuple(field.name for field in fields(LedgerAccount))
EMPTY: Final = LedgerAccount(**dict.fromkeys(FIELDS, 0))
DIFFERENT: Final = LedgerAccount(**{name: 1_001 + i for i, name in enumerate(FIELDS)})
"""No two numbers are equal."""
NO_LEAK: Final = frozenset({"residual", "duplicates"})
"""They are no events that left the path: a difference of accounts, and batches that arrived again."""


def test_the_answer_lists_every_number_of_the_ledger_in_its_order() -> None:
    """A field that the ledger gets has to get its words, too."""
    assert list(every_number(DIFFERENT).items()) == list(asdict(DIFFERENT).items())
    line = "ledger " + ", ".join(f"{name} {1_001 + i:,}" for i, name in enumerate(FIELDS))
    assert line in answer.answer(replace(trials.trial(), ledger=DIFFERENT)).lines


@pytest.mark.parametrize("name", FIELDS)
def test_the_account_tells_every_number_that_is_not_zero(name: str) -> None:
    """Under its own name."""
    text = words.account(replace(trials.trial(), ledger=replace(EMPTY, **{name: 777})))
    assert f"{name.replace('_', '-')} 777" in text


def test_the_account_tells_equal_steps_once_and_leaves_zeros_out() -> None:
    """All but the two zeros that a reader looks for."""
    ledger = replace(EMPTY, **dict.fromkeys(steps(EMPTY), 100))
    text = words.account(replace(trials.trial(), ledger=ledger))
    assert text == (
        "intended 100 = sent = acknowledged = accepted = counted; dead 0, double-counted 0; Prometheus agrees"
    )


def test_the_account_tells_all_numbers_in_a_fixed_order() -> None:
    """The path, then what happened beside it."""
    text = words.account(replace(trials.trial(), ledger=DIFFERENT))
    assert text == (
        "intended 1,001, sent 1,002, acknowledged 1,003, accepted 1,006, counted 1,008; dead 1,009, "
        "double-counted 1,013, refused 1,005, unknown 1,004, backlog 1,010, residual 1,011, duplicates 1,007, "
        "lost 1,012; Prometheus agrees"
    )


def test_the_picture_has_every_number_but_those_of_no_event_that_left_the_path() -> None:
    """In a box, or below the path."""
    picture = flow.svg(DIFFERENT)
    shown = {name for name, events in asdict(DIFFERENT).items() if f"{events:,}" in picture}
    assert shown == set(FIELDS) - NO_LEAK


def test_every_leak_has_its_step_and_its_words() -> None:
    """Only an unknown outcome leaves open whether the events are counted."""
    assert leaks(EMPTY) == []
    ledger = LedgerAccount(
        intended=100, sent=99, acknowledged=0, unknown=2, refused=3, accepted=0, duplicates=0,
        counted=0, dead=4, backlog=5, residual=6, lost=7, double_counted=8,
    )  # fmt: skip
    assert leaks(ledger) == [
        Leak("intended", "never sent", 1),
        Leak("sent", "refused", 3),
        Leak("sent", "unknown", 2, bad=False),
        Leak("acknowledged", "lost", 7),
        Leak("accepted", "dead", 4),
        Leak("accepted", "waiting", 5),
        Leak("accepted", "double-counted", 8),
    ]
