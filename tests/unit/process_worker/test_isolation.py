"""How the poison messages of an entry are isolated."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.process_worker.isolation import Isolation


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
