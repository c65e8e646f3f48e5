"""Health says SERVING while nothing speaks against it, whichever threads say so at the same time."""

import threading
from typing import Any

import pytest
from grpc_health.v1 import health_pb2

from services.serving.server import STALLED, STUCK, Health, HealthState

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
NAMES = ("lab.query.v1.QueryService",)
OVERTAKES_S = 0.2
"""Seconds for another thread to overtake; it waits for the lock instead."""


def nothing() -> None:
    """Do nothing."""


class ObservedHealth(Health):
    """Health that lets a test act in the middle of a publication."""

    def __init__(self) -> None:
        super().__init__()
        self.before_serving = nothing

    def set(self, service: str, status: Any) -> None:
        """Publish a status, after what the test does."""
        if status == SERVING:
            act, self.before_serving = self.before_serving, nothing
            act()
        super().set(service, status)


def statuses(health: Health) -> set[Any]:
    """Return what health says of the server and of its services."""
    requests = (health_pb2.HealthCheckRequest(service=name) for name in ("", *NAMES))
    context: Any = None
    return {health.Check(request, context).status for request in requests}


@pytest.mark.parametrize("last", [STALLED, STUCK])
def test_health_serves_when_the_last_cause_is_gone(last: str) -> None:
    """The causes come and go independently of each other."""
    health = Health()
    state = HealthState(health, NAMES)
    state.set_healthy(True)
    assert statuses(health) == {SERVING}

    first = STUCK if last == STALLED else STALLED
    for cause in (first, last):
        state.set_healthy(False, cause=cause)
    state.set_healthy(True, cause=first)
    assert statuses(health) == {NOT_SERVING}

    state.set_healthy(True, cause=last)
    assert statuses(health) == {SERVING}


def test_a_cause_that_comes_while_another_goes_is_not_overlooked() -> None:
    """The watchdog finds a stall at the moment at which the sweep finds that calls get threads again."""
    health = ObservedHealth()
    state = HealthState(health, NAMES)
    state.set_healthy(False, cause=STUCK)
    watchdog = threading.Thread(target=state.set_healthy, args=(False,))

    def stall() -> None:
        watchdog.start()
        watchdog.join(OVERTAKES_S)

    health.before_serving = stall
    state.set_healthy(True, cause=STUCK)
    watchdog.join()

    assert statuses(health) == {NOT_SERVING}


def test_a_server_that_stops_serves_no_more() -> None:
    """Whatever a thread says afterwards."""
    health = Health()
    state = HealthState(health, NAMES)
    state.set_healthy(True)

    state.shut_down()
    state.set_healthy(True)

    assert statuses(health) == {NOT_SERVING}
