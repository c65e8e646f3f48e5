"""What became of a collector's component tells what to write in its place."""

import pytest

from lab.snapshots.collector_components import CHANGES, Change


@pytest.mark.parametrize("change", CHANGES.values(), ids=map("/".join, CHANGES))
def test_every_change_says_what_to_do(change: Change) -> None:
    """A component that is gone has a successor, which a refusal names."""
    assert change.successors or change.advice
    assert change.successors or not change.is_gone
