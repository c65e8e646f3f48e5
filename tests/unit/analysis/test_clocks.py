"""The offset of a clock is right within its error, however the round trips were divided."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.analysis.clocks import TOLERANCE_S, Exchange, clock_of, is_off
from lab.errors import UsageFault
from lab.model import NANOS, NodeClock

NOW_NS = 1_800_000_000 * NANOS
delays_ms = st.lists(st.tuples(st.floats(0.01, 400), st.floats(0.01, 400)), min_size=1, max_size=8)


def exchanges(offset_s: float, delays: list[tuple[float, float]]) -> list[Exchange]:
    """Return readings a second apart of a clock with that offset; delays are milliseconds there and back."""
    return [
        Exchange(sent, round(sent + there * 1e6 + offset_s * NANOS), round(sent + (there + back) * 1e6))
        for i, (there, back) in enumerate(delays)
        for sent in [NOW_NS + i * NANOS]
    ]


@pytest.mark.parametrize("offset_s", [-3.0, 0.25, 0.0])
def test_a_planted_offset_is_found_within_its_error(offset_s: float) -> None:
    """Also when nearly all of a round trip is the way back; the quickest exchange decides."""
    clock = clock_of("r3", exchanges(offset_s, [(30, 470), (1, 19), (200, 1)]))
    assert (clock.node, clock.exchanges) == ("r3", 3)
    assert clock.error_s == pytest.approx(0.010)
    assert abs(clock.offset_s - offset_s) <= clock.error_s


@given(st.floats(-5, 5), delays_ms)
def test_the_true_offset_always_lies_within_the_error(offset_s: float, delays: list[tuple[float, float]]) -> None:
    """Whatever the delays were; a nanosecond is lost to rounding."""
    clock = clock_of("r3", exchanges(offset_s, delays))
    assert abs(clock.offset_s - offset_s) <= clock.error_s + 1e-6


def test_a_clock_that_was_not_read_is_a_fault() -> None:
    """No offset is invented."""
    with pytest.raises(UsageFault, match="r3"):
        clock_of("r3", [])


@pytest.mark.parametrize(
    ("offset_s", "error_s", "off"),
    [(-3.0, 0.01, True), (TOLERANCE_S, 0.01, False), (0.3, 0.01, True), (-0.3, 0.1, False), (3.0, 4.0, False)],
)
def test_only_what_is_certain_is_held_against_a_clock(offset_s: float, error_s: float, *, off: bool) -> None:
    """Beyond the error and beyond what figures across machines tolerate."""
    assert is_off(NodeClock("r3", offset_s, error_s, 8)) is off
