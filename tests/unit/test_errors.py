"""An error crosses a process as data, and is the same error again."""

import json

import pytest

from lab.errors import KINDS, LabError, Unavailable, causes_of, from_data, to_data


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_an_error_comes_back_as_it_was(kind: type[LabError]) -> None:
    """Its class, its exit code, all its parts, also the lines that a terminal does not show."""
    error = kind("no stack", found="\n".join("abcdef"), next_step="lab up", code="NO_STACK")
    back = from_data(json.loads(json.dumps(to_data(error))))
    assert type(back) is kind
    assert (back.attempted, back.found, back.next_step) == (error.attempted, error.found, error.next_step)
    assert (back.reason, back.exit_code, str(back)) == ("NO_STACK", kind.exit_code, str(error))


def test_every_class_of_error_has_a_name() -> None:
    """A class without one would come back as its base."""
    assert {*KINDS.values()} == {LabError, *LabError.__subclasses__()} - {_Local}


def test_a_class_without_a_name_comes_back_as_its_base() -> None:
    """A notebook may define one; its exit code is that of the base."""
    back = from_data(to_data(_Local("no stack")))
    assert type(back) is LabError
    assert type(from_data(to_data(_Lower("no stack")))) is Unavailable


class _Local(LabError):
    """Defined where the lab does not know it."""


class _Lower(Unavailable):
    """The same, below a class that has a name."""


def test_the_causes_of_an_error_begin_with_the_error_itself() -> None:
    """A named cause goes before the error that was being handled; where none is named, that error is the cause."""
    handled, named, error = KeyError("handled"), OSError("named"), ValueError("raised")
    named.__context__ = ConnectionError("behind")
    error.__cause__, error.__context__ = named, handled
    assert [*causes_of(error)] == [error, named, named.__context__]
