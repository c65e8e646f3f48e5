"""How busy a server says it is."""

import struct

import pytest

from services.serving.load_report import KEY, LoadReport
from tests.fakes.clock import FakeClock


class Answer:
    """The context of a call, which keeps what is sent with the answer."""

    def __init__(self, *sent: tuple[str, bytes]) -> None:
        self.sent: tuple[tuple[str, bytes], ...] = sent

    def trailing_metadata(self) -> tuple[tuple[str, bytes], ...]:
        """Return the metadata so far."""
        return self.sent

    def set_trailing_metadata(self, metadata: tuple[tuple[str, bytes], ...]) -> None:
        """Keep the metadata."""
        self.sent = metadata


def reported(load: LoadReport) -> tuple[float, float, float] | None:
    """Return calls and refusals per second and the utilization that the next answer carries; None for no report."""
    answer = Answer()
    load.attach(answer)  # type: ignore[arg-type]
    if not answer.sent:
        return None
    [(key, report)] = answer.sent
    assert key == KEY
    # Fields 6, 7 and 9, each with a tag of its own and the wire type of eight bytes.
    assert (report[0], report[9], report[18]) == (0x31, 0x39, 0x49)
    rate, refused, utilization = (struct.unpack("<d", report[at : at + 8])[0] for at in (1, 10, 19))
    return rate, refused, utilization


def test_there_is_no_report_before_a_second_of_work() -> None:
    """A caller then takes the server for an average one."""
    clock = FakeClock()
    load = LoadReport(clock)
    load.ended(0.5, answered=True)
    clock.pause(0.5)
    load.ended(0.5, answered=True)
    assert reported(load) is None


def test_rates_and_utilization_are_those_of_the_last_second() -> None:
    """Eight answers of 50 ms in a second: 8 calls a second, 0.4 of them at a time. The next second is new."""
    clock = FakeClock()
    load = LoadReport(clock)
    for _ in range(8):
        clock.pause(0.125)
        load.ended(0.05, answered=True)
    assert reported(load) == pytest.approx((8.0, 0.0, 0.4))
    clock.pause(2.0)
    load.ended(0.2, answered=True)
    assert reported(load) == pytest.approx((0.5, 0.0, 0.1))


def test_refusals_are_told_apart_and_their_work_counts() -> None:
    """A server that refuses does not draw more calls to itself."""
    clock = FakeClock()
    load = LoadReport(clock)
    load.ended(0.1, answered=True)
    for _ in range(8):
        load.ended(0.1, answered=False)
    clock.pause(1.0)
    load.ended(0.1, answered=True)
    assert reported(load) == pytest.approx((10.0, 8.0, 1.0))


def test_a_server_that_only_refuses_says_so() -> None:
    """Its callers learn that it is not what it was."""
    clock = FakeClock()
    load = LoadReport(clock)
    for answered in (True, False):
        clock.pause(1.0)
        load.ended(0.5, answered=answered)
    assert reported(load) == pytest.approx((1.0, 1.0, 0.5))


def test_what_is_sent_besides_stays() -> None:
    """A refusal carries its details in the same place."""
    clock = FakeClock()
    load = LoadReport(clock)
    clock.pause(1.0)
    load.ended(0.5, answered=False)
    answer = Answer(("grpc-status-details-bin", b"details"))
    load.attach(answer)  # type: ignore[arg-type]
    assert [key for key, _ in answer.sent] == ["grpc-status-details-bin", KEY]
