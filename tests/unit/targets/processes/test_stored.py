"""A file that another version of the lab wrote is read as far as it can be read."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from lab.errors import DataFault
from lab.targets.processes.stored import known, readable


@dataclass(frozen=True, slots=True)
class Sample:
    """A value with a field that has a default."""

    name: str
    count: int = 1


def test_a_field_that_the_type_does_not_have_is_left_out() -> None:
    """A field that is missing has its default."""
    assert known(Sample, {"name": "a", "later": 5}) == Sample("a")


@pytest.mark.parametrize("error", [ValueError("x"), KeyError("x"), TypeError("x"), AttributeError("x")])
def test_what_cannot_be_read_is_named_with_a_way_out(error: Exception) -> None:
    """The cause is kept."""
    with pytest.raises(DataFault) as refused, readable(Path("/stacks/a/plan.json")):
        raise error
    assert (refused.value.attempted, refused.value.next_step) == ("cannot read the stack in /stacks/a", "lab clean")
    assert refused.value.__cause__ is error
