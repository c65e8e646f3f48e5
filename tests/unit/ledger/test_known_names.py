"""Which names are sent to the store."""

from services.contracts.key_table import NAME_OVERHEAD_BYTES
from services.ledger.known_names import MEMORY_KEPT_BYTES, RUNS_KEPT, KnownNames


def test_a_name_is_sent_once_for_each_run() -> None:
    """A name that the store has accepted for a run is known for this run alone."""
    known = KnownNames()
    assert known.unknown("a", [b"x", b"y", b"x"]) == [b"x", b"y"]
    known.add("a", [b"x"])

    assert known.unknown("a", [b"x", b"y"]) == [b"y"]
    assert known.unknown("b", [b"x"]) == [b"x"]


def test_the_names_of_old_runs_are_forgotten() -> None:
    """They would be sent once more."""
    known = KnownNames()
    for number in range(RUNS_KEPT + 1):
        known.add(f"run-{number}", [b"x"])

    assert known.unknown("run-0", [b"x"]) == [b"x"]
    assert known.unknown("run-1", [b"x"]) == []


def test_long_names_take_no_more_memory_than_allowed() -> None:
    """Ten thousand names of the greatest length for each of many runs: only the last runs are known."""
    known, runs = KnownNames(), 12
    for run in range(runs):
        known.add(str(run), [f"{i:0513d}".encode() for i in range(10_000)])

    remembered = [run for run in range(runs) if not known.unknown(str(run), [b"0" * 513])]
    assert remembered == list(range(runs - len(remembered), runs))
    assert 1 <= len(remembered) <= MEMORY_KEPT_BYTES / (10_000 * (513 + NAME_OVERHEAD_BYTES))
