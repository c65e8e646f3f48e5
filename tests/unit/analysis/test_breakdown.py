"""Events and cost of each node and architecture, from series and from the ledger."""

from dataclasses import replace

import pytest

from lab.analysis.breakdown import breakdown
from lab.analysis.places import Place
from lab.analysis.warnings import warnings_of
from tests.unit.analysis import builders, places

BIG, BOARD = Place("big", "amd64"), Place("board", "arm64")


def test_each_node_has_what_its_processes_did() -> None:
    """Accepted by Prometheus, counted by the ledger."""
    counts = {share.place: (share.accepted, share.counted) for share in breakdown(places.evidence())}
    assert counts == {BIG: (1_500, 1_500), BOARD: (500, 500)}


def test_the_cost_is_that_of_the_processes_that_did_it() -> None:
    """A millisecond of CPU an event is a thousand for a thousand events; an even load has a narrow interval."""
    costs = {share.place: (share.ingest_cpu, share.worker_cpu) for share in breakdown(places.evidence())}
    assert [round(cost.value or 0) for cost in costs[BIG]] == [2_000, 1_000]
    assert [round(cost.value or 0) for cost in costs[BOARD]] == [8_000, 4_000]
    for cost in (*costs[BIG], *costs[BOARD]):
        assert cost.value is not None
        assert cost.low == pytest.approx(cost.value)
        assert cost.high == pytest.approx(cost.value)


def test_nodes_of_one_architecture_can_be_taken_together() -> None:
    """Their events add up."""
    moved = [replace(series, labels={**series.labels, "host_arch": "x86_64"}) for series in places.evidence().series]
    shares = breakdown(replace(places.evidence(), series=tuple(moved)), by_node=False)
    assert [(share.place, share.counted) for share in shares] == [(Place("", "amd64"), 2_000)]


def test_a_process_that_has_ended_still_counts_where_it_was() -> None:
    """Its series say where, when the process can no longer be asked."""
    ended = replace(places.evidence(), statuses=())
    assert [share.place for share in breakdown(ended)] == [BIG, BOARD]


def test_one_machine_is_one_share() -> None:
    """Also for a killed worker, of which only the count is left."""
    status = replace(places.statuses()[2], instance_id=builders.WORKER, node="")
    store = builders.store(2_000, instances={builders.WORKER: 1_500, "killed": 500})
    [share] = breakdown(replace(builders.evidence(), statuses=(status,), store=store))
    assert (share.place, share.counted) == (Place("", "amd64"), 2_000)
    assert (share.ingest_cpu.value, share.ingest_cpu.note) == (None, "no series of CPU time")


def test_a_load_generator_on_a_measured_node_is_a_warning() -> None:
    """And one on another node is not."""
    [warning] = warnings_of(places.evidence(load_on="board"))
    assert "node board, beside ingest-api and process-worker" in warning
    assert warnings_of(places.evidence()) == ()
    assert warnings_of(builders.evidence()) == ()


def test_an_emulated_node_is_a_warning() -> None:
    """The process has one architecture, the CPU beneath another."""
    emulated = replace(places.evidence(), statuses=places.statuses(cpu_of_board="x86_64"))
    assert warnings_of(emulated) == (
        "node board is emulated (aarch64 on a CPU that is x86_64): its figures say nothing about real arm64",
    )
    assert [bool(share.emulated) for share in breakdown(emulated)] == [False, True]


@pytest.mark.parametrize("cpu", ["aarch64", "", "armv8l"])
def test_a_real_board_is_not_called_emulated(cpu: str) -> None:
    """Nor a board of unknown CPU, nor an older instruction set of the same processors."""
    assert warnings_of(replace(places.evidence(), statuses=places.statuses(cpu_of_board=cpu))) == ()
