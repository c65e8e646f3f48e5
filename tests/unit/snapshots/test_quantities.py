"""A quantity is read as Kubernetes writes it, and written so that it is never larger than what was read."""

import math

import pytest

from lab.snapshots.quantities import quantity, quantity_text


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0.0),
        ("1.5Gi", 1.5 * 2**30),
        (".5", 0.5),
        ("100m", 0.1),
        ("2e3k", 2e6),
        ("-1", -1.0),
        ("12Ei", 12 * 2.0**60),
    ],
)
def test_a_quantity_is_a_number(text: str, number: float) -> None:
    """Units are powers of ten and of two; an exponent may come before the unit."""
    assert quantity(text) == pytest.approx(number)


@pytest.mark.parametrize("text", ["Mi", "1MB", "1 Gi", "1,5", "NaN", "0x10"])
def test_what_is_no_quantity_is_no_number(text: str) -> None:
    """It compares with no other quantity."""
    assert math.isnan(quantity(text))


@pytest.mark.parametrize("amount", [math.nan, math.inf])
def test_what_is_not_finite_has_no_text(amount: float) -> None:
    """A next step offers no such request."""
    assert quantity_text(amount, "memory") == ""


def test_a_text_is_rounded_down() -> None:
    """What is offered fits."""
    assert (quantity_text(2**21 - 1, "memory"), quantity_text(0.1999, "cpu")) == ("1Mi", "199m")
