"""One whole look, by a target and an outside that answer, refuse, or are not there."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from lab.diagnosis.diagnose import diagnose
from lab.errors import BadConfig, Forbidden, LabError, Unavailable
from lab.model import Endpoints, NodeClock
from lab.probes.cluster_snapshot import ClusterLook
from lab.snapshots.probes import Denial, PrometheusProbe
from lab.snapshots.snapshot import Snapshot
from tests.unit.looks.test_objects import Listed, forbidden

EVENTS = Denial("list", "events", "testbed", "", "lab-user")
URL = "http://h:9090"
PAGE = 'otelcol_receiver_accepted_metric_points_total{receiver="otlp"} 20\n'


def refused(verb: str = "list", resource: str = "events") -> Forbidden:
    """What the API server does not allow."""
    return Forbidden(f"cannot {verb} {resource}", found=forbidden(verb, resource))


@dataclass
class Running:
    """A stack whose parts answer or fail, each by its name."""

    cluster: Listed
    faults: Mapping[str, LabError] = field(default_factory=dict)
    outside: Endpoints = Endpoints("", "", "", "", "redis://h:6379/0", URL)  # noqa: RUF009  it is frozen

    def processes(self) -> list[Any]:
        """Nobody."""
        return list(self._part("processes", ()))

    def clocks(self) -> list[NodeClock]:
        """One node."""
        return list(self._part("clocks", [NodeClock("r3", 0.0, 0.1, 3)]))

    def collector_page(self) -> str:
        """What it counts."""
        return str(self._part("collector", PAGE))

    def address_of(self, service: str) -> str:
        """Nowhere."""
        raise Unavailable("cannot reach it")

    def close(self) -> None:
        """Nothing is held."""

    def _part(self, name: str, answer: Any) -> Any:
        if name in self.faults:
            raise self.faults[name]
        return answer


@dataclass
class Target:
    """A cluster, and the stack that is up in it."""

    running: Running
    images: Mapping[tuple[str, str], str] = field(default_factory=dict)
    fault: LabError | None = None

    def cluster(self) -> Listed:
        """It."""
        return self.running.cluster

    def current(self) -> Running:
        """The stack."""
        if self.fault is not None:
            raise self.fault
        return self.running


@dataclass
class Around:
    """What a stack depends on; *samples* is a server's answer."""

    probe: PrometheusProbe | None = PrometheusProbe(URL, reachable=True, receives=True)  # noqa: RUF009  it is frozen
    answer: Callable[[], dict[str, float]] = dict

    def rights(self, _: object) -> tuple[Denial, ...]:
        """None is missing."""
        return ()

    def registry(self) -> None:
        """None is configured."""

    def images(self, _: object) -> tuple[()]:
        """None."""
        return ()

    def store(self) -> None:
        """Inside."""

    def prometheus(self) -> PrometheusProbe | None:
        """As given."""
        return self.probe

    def samples(self, _: Endpoints) -> "Around":
        """It knows them itself."""
        return self

    def newest(self, name: str) -> dict[str, float]:
        """As given."""
        return self.answer()


def taken(target: Target, around: Around, folder: Path) -> Snapshot:
    """The look."""
    return ClusterLook(target, around, folder / "build.log").take()  # type: ignore[arg-type]


@pytest.mark.parametrize("part", ["processes", "clocks", "collector"])
def test_what_is_refused_for_one_part_ends_no_other(part: str, tmp_path: Path) -> None:
    """It is kept as a denial, and told."""
    look = taken(Target(Running(Listed(), {part: refused()})), Around(), tmp_path)
    assert look.probes.denials == (EVENTS,)
    assert [(one.cause, one.object) for one in diagnose(look)] == [("forbidden", "User/lab-user")]
    assert (look.probes.collector is None, len(look.probes.clocks)) == (part == "collector", int(part != "clocks"))
    assert look.probes.prometheus is not None
    assert look.probes.prometheus.samples == ()


def test_a_refusal_is_kept_once(tmp_path: Path) -> None:
    """Events are listed by the look itself, and for every part of a stack."""
    every = {name: refused() for name in ("processes", "clocks", "collector")}
    look = taken(Target(Running(Listed(refused={"Event": "events"}), every)), Around(), tmp_path)
    assert look.probes.denials == (EVENTS,)


def test_a_stack_that_cannot_be_looked_for_says_what_was_refused(tmp_path: Path) -> None:
    """Nobody was asked for samples then, which is not silence."""
    denied = Denial("list", "deployments", "testbed", "", "lab-user")
    look = taken(Target(Running(Listed()), fault=refused("list", "deployments")), Around(), tmp_path)
    assert look.probes.denials == (denied,)
    assert look.probes.prometheus is not None
    assert look.probes.prometheus.samples is None


def failing(error: LabError) -> Callable[[], dict[str, float]]:
    """An answer that does not come."""

    def answer() -> dict[str, float]:
        raise error

    return answer


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (Unavailable("no data: x", found=f"{URL}: 401 Unauthorized", code="PROM_REFUSED"), "401 Unauthorized"),
        (BadConfig("cannot read /run/token", found="No such file or directory"), "No such file"),
    ],
)
def test_a_metrics_server_that_gives_no_samples_was_not_asked(error: LabError, said: str, tmp_path: Path) -> None:
    """The reason is kept."""
    probe = taken(Target(Running(Listed())), Around(answer=failing(error)), tmp_path).probes.prometheus
    assert probe is not None
    assert (probe.reachable, probe.samples) == (True, None)
    assert said in probe.error


def test_a_metrics_server_inside_the_cluster_is_told_by_its_name_there(tmp_path: Path) -> None:
    """Where the port-forward fails nobody knows whether it answers."""
    name = "http://prometheus.testbed.svc:9090"
    inside = taken(Target(Running(Listed())), Around(None), tmp_path).probes.prometheus
    assert inside == PrometheusProbe(name, reachable=True, samples=(), inside=True)
    gone = Around(None, failing(Unavailable("no data", found="refused", code="PROM_UNREACHABLE")))
    unknown = taken(Target(Running(Listed())), gone, tmp_path).probes.prometheus
    assert unknown == PrometheusProbe(name, reachable=None, error="refused", inside=True)
    nowhere = Running(Listed(), outside=Endpoints("", "", "", "", "", ""))
    assert taken(Target(nowhere), Around(None), tmp_path).probes.prometheus is None
