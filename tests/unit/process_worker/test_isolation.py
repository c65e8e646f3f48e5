"""How the poison messages of an entry are isolated."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.process_worker.isolation import Isolation, Range


def deaths_until_known(events: int, killers: frozenset[int]) -> tuple[int, set[int]]:
    """Imitate workers that die on *killers*. Return the number of deaths and the isolated events."""
    note, deaths = "", 0
    while True:
        state = Isolation.of(note, events)
        while state.todo:
            state = state.attempt()
            note = state.note
            assert state.trying is not None
            if any(state.trying.start <= killer < state.trying.end for killer in killers):
                deaths += 1
                break
            state = state.survived()
        else:
            return deaths, {part.start for part in state.isolated}
        assert deaths < 500, "the search does not end"


@given(st.integers(1, 300), st.data())
def test_exactly_the_killers_are_isolated(events: int, data: st.DataObject) -> None:
    """Every event that kills is isolated, and no other."""
    killers = data.draw(st.frozensets(st.integers(0, events - 1), max_size=3))

    _, isolated = deaths_until_known(events, killers)

    assert isolated == killers


@pytest.mark.parametrize(("events", "deaths"), [(1, 2), (2, 3), (500, 11)])
def test_a_killer_costs_about_one_death_a_halving(events: int, deaths: int) -> None:
    """At most one death per halving, and two deaths on the single event."""
    assert deaths_until_known(events, frozenset({events - 1}))[0] <= deaths


def test_one_death_by_chance_isolates_no_event() -> None:
    """A worker that is killed from outside while it tries an innocent event does not isolate that event."""
    interrupted = Isolation.of("", 1).attempt().note

    state = Isolation.of(interrupted, 1)
    while state.todo:
        state = state.attempt().survived()

    assert state.isolated == ()


def life(note: str, events: int, *, survives: Sequence[bool] = (True,)) -> tuple[str, bool]:
    """Imitate a worker that dies at its first step that it does not survive. Return the note and whether it gave up."""
    state = Isolation.of(note, events)
    if state.kills_when_opened:
        return state.note, True
    steps = iter(survives)
    state = state.opening()
    note = state.note
    if not next(steps):
        return note, False
    state = state.survived()
    while state.todo:
        state = state.attempt()
        note = state.note
        if not next(steps, True):
            return note, False
        state = state.survived()
    return note, False


@pytest.mark.parametrize("events", [1, 2, 5_000])
def test_an_entry_that_kills_when_it_is_opened_is_known_after_two_deaths(events: int) -> None:
    """Its events are never tried; halving them would take thousands of deaths."""
    note, deaths = "", 0
    while True:
        note, gave_up = life(note, events, survives=[False])
        if gave_up:
            break
        deaths += 1

    assert deaths == 2


def test_one_death_by_chance_while_opening_isolates_nothing() -> None:
    """A worker that is killed from outside while it opens an innocent entry changes nothing for its events."""
    note, _ = life("", 8, survives=[False])
    state = Isolation.of(note, 8)

    assert not state.kills_when_opened
    assert state.todo == (Range(0, 8),)


def test_deaths_at_opening_and_on_an_event_are_told_apart() -> None:
    """One of each convicts neither."""
    note, _ = life("", 1, survives=[False])
    note, _ = life(note, 1, survives=[True, False])
    state = Isolation.of(note, 1)

    assert (state.kills_when_opened, state.isolated) == (False, ())
