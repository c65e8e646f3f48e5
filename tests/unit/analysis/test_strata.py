"""Events and cost of each node and architecture, from series and from the ledger."""

from dataclasses import replace

import pytest

from lab.analysis.breakdown import breakdown
from lab.analysis.places import Place
from lab.analysis.warnings import warnings_of
from lab.reports.breakdown import table
from tests.unit import trials
from tests.unit.analysis import builders, places

BIG, BOARD = Place("big", "amd64"), Place("board", "arm64")


def test_each_node_has_what_its_processes_did() -> None:
    """Accepted by Prometheus, counted by the ledger."""
    found = {one.place: (one.accepted, one.counted) for one in breakdown(places.evidence())}
    assert found == {BIG: (1_500, 1_500), BOARD: (500, 500)}


def test_the_cost_is_that_of_the_processes_that_did_it() -> None:
    """A millisecond of CPU an event is a thousand for a thousand events; an even load has a narrow interval."""
    cost = {one.place: (one.ingest_cpu, one.worker_cpu) for one in breakdown(places.evidence())}
    assert [round(one.value or 0) for one in cost[BIG]] == [2_000, 1_000]
    assert [round(one.value or 0) for one in cost[BOARD]] == [8_000, 4_000]
    for one in (*cost[BIG], *cost[BOARD]):
        assert one.value is not None
        assert one.low == pytest.approx(one.value)
        assert one.high == pytest.approx(one.value)


def test_nodes_of_one_architecture_can_be_taken_together() -> None:
    """Their events add up."""
    series = places.evidence().series
    moved = [replace(one, labels={**one.labels, "host_arch": "x86_64"}) for one in series]
    found = breakdown(replace(places.evidence(), series=tuple(moved)), by_node=False)
    assert [(one.place, one.counted) for one in found] == [(Place("", "amd64"), 2_000)]


def test_a_process_that_has_ended_still_counts_where_it_was() -> None:
    """Its series say where, when nobody can be asked any more."""
    ended = replace(places.evidence(), statuses=())
    assert [one.place for one in breakdown(ended)] == [BIG, BOARD]


def test_one_machine_is_one_stratum() -> None:
    """Also for a worker that was killed, of which nothing but its count is left."""
    status = replace(places.statuses()[2], instance_id=builders.WORKER, node="")
    store = builders.store(2_000, instances={builders.WORKER: 1_500, "killed": 500})
    [one] = breakdown(replace(builders.evidence(), statuses=(status,), store=store))
    assert (one.place, one.counted) == (Place("", "amd64"), 2_000)
    assert (one.ingest_cpu.value, one.ingest_cpu.note) == (None, "no series of CPU time")


def test_the_table_has_a_row_for_each_and_shares() -> None:
    """In a terminal as in a notebook."""
    shown = table(trials.trial(evidence=places.evidence()))
    assert [row[:5] for row in shown.rows] == [
        ("amd64", "big", "1,500", "1,500", "75 %"),
        ("arm64", "board", "500", "500", "25 %"),
    ]
    assert "1,000 [1,000, 1,000]" in repr(shown)
    assert "<td" in shown.html


def test_a_load_on_a_measured_node_is_remarked() -> None:
    """And one that is played elsewhere is not."""
    [remark] = warnings_of(places.evidence(load_on="board"))
    assert "node board, beside ingest-api and process-worker" in remark
    assert warnings_of(places.evidence()) == ()
    assert warnings_of(builders.evidence()) == ()


def test_an_emulated_node_is_remarked() -> None:
    """The process says one thing, the CPU beneath it another."""
    emulated = replace(places.evidence(), statuses=places.statuses(cpu_of_board="x86_64"))
    assert warnings_of(emulated) == (
        "node board is emulated (aarch64 on a CPU that is x86_64): its figures say nothing about real arm64",
    )
    assert [bool(one.emulated) for one in breakdown(emulated)] == [False, True]


@pytest.mark.parametrize("cpu", ["aarch64", "", "armv8l"])
def test_a_board_that_is_one_is_not_called_emulated(cpu: str) -> None:
    """Nor one that cannot tell, nor an older instruction set of the same processors."""
    assert warnings_of(replace(places.evidence(), statuses=places.statuses(cpu_of_board=cpu))) == ()
