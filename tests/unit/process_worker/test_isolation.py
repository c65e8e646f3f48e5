"""How the event that kills workers is found."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.process_worker.isolation import Isolation


def deaths_until_known(events: int, killers: frozenset[int]) -> tuple[int, set[int]]:
    """Play a worker that dies on *killers* and is started anew each time; deaths, who was convicted."""
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
def test_exactly_the_killers_are_convicted(events: int, data: st.DataObject) -> None:
    """Whatever events kill, they are convicted, and no innocent is."""
    killers = data.draw(st.frozensets(st.integers(0, events - 1), max_size=3))

    _, isolated = deaths_until_known(events, killers)

    assert isolated == killers


@pytest.mark.parametrize(("events", "deaths"), [(1, 2), (2, 3), (500, 11)])
def test_a_killer_costs_about_one_death_a_halving(events: int, deaths: int) -> None:
    """At most one death per halving, one alone, one more to be sure."""
    assert deaths_until_known(events, frozenset({events - 1}))[0] <= deaths


def test_one_death_by_chance_convicts_nobody() -> None:
    """A worker killed from outside while it tries an innocent event leaves that event innocent."""
    interrupted = Isolation.of("", 1).attempt().note

    state = Isolation.of(interrupted, 1)
    while state.todo:
        state = state.attempt().survived()

    assert state.isolated == ()
