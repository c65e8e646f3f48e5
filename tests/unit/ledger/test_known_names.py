"""Which names are sent to the store."""

from services.contracts.key_table import NAME_OVERHEAD_BYTES
from services.ledger.known_names import MEMORY_KEPT_BYTES, RUNS_KEPT, KnownNames, UnsentNames

BORN = b"0"
LATER = b"5000"


def test_a_name_is_sent_once_for_each_run() -> None:
    """A name that the store has accepted for a run is known for this run alone."""
    known = KnownNames()
    assert known.unsent("a", [b"x", b"y", b"x"]) == UnsentNames([b"x", b"y"], born=b"")
    known.add("a", [b"x"], born=BORN)

    assert known.unsent("a", [b"x", b"y"]) == UnsentNames([b"y"], born=BORN)
    assert known.unsent("b", [b"x"]) == UnsentNames([b"x"], born=b"")


def test_a_run_that_began_anew_holds_no_name_of_the_run_before() -> None:
    """The store forgot the run with its names. They count against the limit of the new run when they are sent again."""
    known = KnownNames()
    known.add("a", [b"x", b"y"], born=BORN)
    known.add("a", [b"z"], born=LATER)

    assert known.unsent("a", [b"x", b"y", b"z"]) == UnsentNames([b"x", b"y"], born=LATER)


def test_a_batch_without_new_names_changes_nothing() -> None:
    """Its run holds all of them."""
    known = KnownNames()
    known.add("a", [b"x"], born=BORN)
    known.add("a", [], born=BORN)

    assert known.unsent("a", [b"x"]) == UnsentNames([], born=BORN)


def test_the_names_of_old_runs_are_forgotten() -> None:
    """They would be sent once more."""
    known = KnownNames()
    for number in range(RUNS_KEPT + 1):
        known.add(f"run-{number}", [b"x"], born=BORN)

    assert known.unsent("run-0", [b"x"]) == UnsentNames([b"x"], born=b"")
    assert known.unsent("run-1", [b"x"]) == UnsentNames([], born=BORN)


def test_long_names_take_no_more_memory_than_allowed() -> None:
    """Ten thousand names of the greatest length for each of many runs: only the last runs are known."""
    known, runs = KnownNames(), 12
    for run in range(runs):
        known.add(str(run), [f"{i:0513d}".encode() for i in range(10_000)], born=BORN)

    remembered = [run for run in range(runs) if not known.unsent(str(run), [b"0" * 513]).names]
    assert remembered == list(range(runs - len(remembered), runs))
    assert 1 <= len(remembered) <= MEMORY_KEPT_BYTES / (10_000 * (513 + NAME_OVERHEAD_BYTES))


def test_names_of_runs_that_began_anew_take_no_memory() -> None:
    """Else the names of other runs would be forgotten for nothing."""
    known = KnownNames()
    known.add("kept", [b"x"], born=BORN)
    for birth in range(12):
        known.add("again", [f"{i:0513d}".encode() for i in range(10_000)], born=str(birth).encode())

    assert known.unsent("kept", [b"x"]) == UnsentNames([], born=BORN)
