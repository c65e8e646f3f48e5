"""How busy a server says it is."""

import struct

import pytest

from services.serving.load_report import KEY, LoadReport
from tests.fakes.clock import FakeClock


class Answer:
    """The context of a call, which keeps what is sent with the answer."""

    sent: tuple[tuple[str, bytes], ...] = ()

    def set_trailing_metadata(self, metadata: tuple[tuple[str, bytes], ...]) -> None:
        """Keep the metadata."""
        self.sent = metadata


def reported(load: LoadReport) -> tuple[float, float] | None:
    """Return rate and utilization of the report that the next answer carries; None for no report."""
    answer = Answer()
    load.attach(answer)  # type: ignore[arg-type]
    if not answer.sent:
        return None
    [(key, report)] = answer.sent
    assert key == KEY
    # Fields 6 and 9, each with a tag of its own and the wire type of eight bytes.
    assert (report[0], report[9]) == (0x31, 0x49)
    (rate,), (utilization,) = struct.unpack("<d", report[1:9]), struct.unpack("<d", report[10:])
    return rate, utilization


def test_there_is_no_report_before_a_second_of_work() -> None:
    """A caller then takes the server for an average one."""
    clock = FakeClock()
    load = LoadReport(clock)
    load.ended(0.5, answered=True)
    clock.pause(0.5)
    load.ended(0.5, answered=True)
    assert reported(load) is None


def test_rate_and_utilization_are_those_of_the_last_second() -> None:
    """Eight answers of 50 ms in a second: 8 answers a second, 0.4 calls under way. The next second is new."""
    clock = FakeClock()
    load = LoadReport(clock)
    for _ in range(8):
        clock.pause(0.125)
        load.ended(0.05, answered=True)
    assert reported(load) == pytest.approx((8.0, 0.4))
    clock.pause(2.0)
    load.ended(0.2, answered=True)
    assert reported(load) == pytest.approx((0.5, 0.1))


def test_a_refusal_takes_time_and_is_no_answer() -> None:
    """A server that refuses fast does not draw more calls to itself."""
    clock = FakeClock()
    load = LoadReport(clock)
    load.ended(0.1, answered=True)
    for _ in range(9):
        load.ended(0.1, answered=False)
    clock.pause(1.0)
    load.ended(0.0, answered=True)
    assert reported(load) == pytest.approx((2.0, 1.0))


def test_a_server_that_only_refuses_keeps_its_last_report() -> None:
    """Nothing was answered, so that there is no rate."""
    clock = FakeClock()
    load = LoadReport(clock)
    clock.pause(1.0)
    load.ended(0.5, answered=True)
    before = reported(load)
    clock.pause(1.0)
    load.ended(0.5, answered=False)
    assert reported(load) == before
