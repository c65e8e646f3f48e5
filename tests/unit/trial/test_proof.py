"""A stack is proven once it is up: its processes, and their promised metrics."""

from dataclasses import replace
from itertools import count
from typing import Final

import pytest

from lab.errors import Unavailable
from lab.model import Endpoints, ProcessIdentity
from lab.systems.services import SYSTEM
from lab.trials.proof import await_metrics, prove
from tests.fakes.metrics import FakeMetrics
from tests.fakes.target import ENDPOINTS, FakeDeployment
from tests.fakes.world import World

IMAGE: Final = "198.18.0.1:5000/process-worker@sha256:" + "a" * 64
WORKER: Final = ProcessIdentity("worker-1", "process-worker", "i", "arm64", "r3", "arm64", IMAGE, IMAGE, "aarch64")
COUNTED: Final = SYSTEM.promised["process-worker"]


class Late(FakeMetrics):
    """A metrics server that knows the second worker only after so many polls."""

    def __init__(self, polls: int) -> None:
        super().__init__()
        self._polls = polls

    def newest(self, name: str) -> dict[str, float]:
        """See `MetricSource.newest`; a process that is gone is known, too."""
        if name != COUNTED:
            return {}
        self._polls -= 1
        return {"i": 1.0} | ({"j": 1.0, "gone": 1.0} if self._polls < 0 else {})


class Hinted(FakeDeployment):
    """A stack on which a missing metric has a likely reason."""

    @property
    def metrics_hint(self) -> str:
        """See `Deployment.metrics_hint`."""
        return "its scrape needs honor_labels: true (manifests/README.md)"


def waited_for(polls: int, deployment: FakeDeployment | None = None) -> float:
    """Return the seconds until both workers are known, on a clock that goes ten seconds a poll."""
    opened: list[Endpoints] = []

    def metrics(endpoints: Endpoints) -> Late:
        opened.append(endpoints)
        return late

    late, clock = Late(polls), count(0.0, 10.0)
    parts = replace(World().parts, metrics=metrics, clock=lambda: next(clock))
    workers = [WORKER, replace(WORKER, name="worker-2", instance_id="j")]
    waited_s = await_metrics(deployment or FakeDeployment(), workers, parts, pause_s=0.0)
    assert opened == [ENDPOINTS], "the source is opened once, however often it is read"
    return waited_s


def test_metrics_that_arrive_late_are_waited_for() -> None:
    """By the clock; metrics that are there at once cost no wait."""
    assert waited_for(0) == pytest.approx(10.0)
    assert waited_for(5) == pytest.approx(60.0)


def test_metrics_that_never_arrive_are_told_by_name_and_place() -> None:
    """Of the process that is silent, not of its neighbour."""
    with pytest.raises(Unavailable, match="worker-2 runs, and its metrics do not arrive") as error:
        waited_for(99)
    assert error.value.reason == "E_NO_METRICS"
    assert error.value.found == f"no sample of {COUNTED} in 75 s at http://127.0.0.1:6; 1 of 2 processes are silent"
    assert error.value.next_step == "lab diagnose"


def test_what_a_missing_metric_may_be_due_to_is_told() -> None:
    """Where the stack has such a hint, in at most five lines."""
    with pytest.raises(Unavailable) as error:
        waited_for(99, Hinted())
    assert "honor_labels: true (manifests/README.md)" in error.value.found
    assert len(str(error.value).splitlines()) <= 5


def test_a_stack_that_is_what_was_wanted_is_reported_well() -> None:
    """With the number of services and pods, and how long the metrics took."""
    world, reports = World(metrics=FakeMetrics()), list[tuple[str, str]]()
    world.deployment.processes = [replace(WORKER, instance_id="worker-1")]
    prove(world.deployment, world.parts, lambda stage, message, _: reports.append((stage, message)), started_s=0.0)
    agreed = "1 services, 1 pods; digest, node, runtime and process agree; contract metrics arrived after 0 s"
    assert reports == [("well", agreed)]


def test_a_process_that_is_not_what_was_wanted_is_named() -> None:
    """Before its metrics are waited for."""
    world = World(metrics=FakeMetrics(every_s=0))
    world.deployment.processes = [replace(WORKER, machine="x86_64")]
    with pytest.raises(Unavailable, match="worker-1 is not what was requested") as error:
        prove(world.deployment, world.parts, lambda *_: None, started_s=0.0)
    assert error.value.reason == "E_ARCH"
    assert "the process says x86_64, not aarch64" in error.value.found
