"""A number that makes no sense is refused where an objective or a fault is declared, by the name that the user gave."""

import math
from collections.abc import Callable
from typing import Any

import pytest

from lab.errors import UsageFault
from lab.questions import keeps_up, latency, pause, refused, scale
from lab.runs.notebooks import this_kernel


def with_quantile(value: Any) -> object:
    """Declare an objective for a quantile of latency."""
    return latency(quantile=value, below_ms=10.0)


def with_replicas(value: Any) -> object:
    """Declare a fault that scales a service."""
    return scale("process-worker", architecture="arm64", replicas=value, at_s=1.0, seconds=2.0)


def with_least_share(value: Any) -> object:
    """Declare the objective that workers keep up."""
    return keeps_up(at_least=value)


def with_largest_share(value: Any) -> object:
    """Declare the objective that few events are refused."""
    return refused(at_most=value)


def with_length(value: Any) -> object:
    """Declare a fault of some length."""
    return pause("redis", at_s=1.0, seconds=value)


@pytest.mark.parametrize(
    ("declare", "value", "words"),
    [
        (with_quantile, 0, "quantile: 0 must be above 0"),
        (with_quantile, -0.5, "quantile: -0.5 must be above 0"),
        (with_quantile, 1, "quantile: 1 must be below 1"),
        (with_quantile, 99.0, "quantile: 99 must be below 1"),
        (with_quantile, math.nan, "quantile: nan is not a finite number"),
        (with_quantile, "0.99", "quantile: '0.99' is a text, not a number"),
        (with_replicas, -1, "replicas: -1 must be at least 0"),
        (with_replicas, 1.5, "replicas: 1.5 is a float, not a whole number"),
        (with_replicas, True, "replicas: True is a truth value, not a whole number"),
        (with_least_share, -0.01, "at_least: -0.01 must be at least 0"),
        (with_least_share, 1.01, "at_least: 1.01 must be at most 1"),
        (with_least_share, 99, "at_least: 99 must be at most 1"),
        (with_largest_share, -0.01, "at_most: -0.01 must be at least 0"),
        (with_largest_share, 1.01, "at_most: 1.01 must be at most 1"),
        (with_largest_share, math.inf, "at_most: inf is not a finite number"),
        (with_length, 86_401.0, "seconds: 86401 must be at most 86,400"),
    ],
)
def test_a_number_out_of_its_range_is_named_with_its_bound(
    declare: Callable[[Any], object], value: Any, words: str
) -> None:
    """The code is that of every wrong argument."""
    with pytest.raises(UsageFault) as fault:
        declare(value)
    assert (str(fault.value), fault.value.reason) == (words, "BAD_PARAM")


@pytest.mark.parametrize(
    ("declare", "value"),
    [
        (with_quantile, 0.001),
        (with_quantile, 0.999),
        (with_replicas, 0),
        (with_least_share, 0),
        (with_least_share, 1),
        (with_largest_share, 0),
        (with_largest_share, 1),
        (with_length, 86_400.0),
    ],
)
def test_a_number_at_the_end_of_its_range_is_taken(declare: Callable[[Any], object], value: Any) -> None:
    """Both ends of a share; neither end of a quantile."""
    assert declare(value) is not None


@pytest.mark.parametrize(
    ("declare", "value", "words"),
    [
        (with_quantile, 99.0, "p (quantile): 99 must be below 1"),
        (with_replicas, -7, "p (replicas): -7 must be at least 0"),
        (with_replicas, 1.5, "p (replicas): 1.5 is a float, not a whole number"),
        (with_least_share, 99.5, "p (at_least): 99.5 must be at most 1"),
    ],
)
def test_the_parameter_of_the_notebook_that_holds_the_number_is_named(
    monkeypatch: pytest.MonkeyPatch, declare: Callable[[Any], object], value: Any, words: str
) -> None:
    """The user gave it with `-p`."""
    monkeypatch.setattr(this_kernel, "parameters_here", lambda: {"other": None, "p": value})
    with pytest.raises(UsageFault) as fault:
        declare(value)
    assert str(fault.value) == words
