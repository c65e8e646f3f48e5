"""A whole snapshot of a cluster, by a stack and dependencies that answer, refuse, or are not there."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from lab.diagnosis.diagnose import diagnose
from lab.errors import BadConfig, Forbidden, LabError, Unavailable
from lab.model import Endpoints, NodeClock
from lab.probes.cluster_snapshot import ClusterSnapshots
from lab.probes.telemetry import OpenLedger
from lab.settings import LabSettings
from lab.snapshots.probes import Denial, PrometheusProbe
from lab.snapshots.snapshot import Snapshot
from tests.unit.probes.test_objects import Listed, forbidden

EVENTS = Denial("list", "events", "testbed", "", "lab-user")
URL = "http://h:9090"
PAGE = 'otelcol_receiver_accepted_metric_points_total{receiver="otlp"} 20\n'


def refused(verb: str = "list", resource: str = "events") -> Forbidden:
    """Return the error of an API server that refuses something."""
    return Forbidden(f"cannot {verb} {resource}", found=forbidden(verb, resource))


@dataclass
class Running:
    """A stack whose parts answer or fail, each by its name."""

    cluster: Listed
    faults: Mapping[str, LabError] = field(default_factory=dict)
    servers: Endpoints = Endpoints(redis_url="redis://h:6379/0", prometheus_url=URL)  # noqa: RUF009  it is frozen

    def processes(self) -> list[Any]:
        """Return no process."""
        return list(self._part("processes", ()))

    def clocks(self) -> list[NodeClock]:
        """Return the clock of one node."""
        return list(self._part("clocks", [NodeClock("r3", 0.0, 0.1, 3)]))

    def collector_page(self) -> str:
        """Return its counters."""
        return str(self._part("collector", PAGE))

    def address_of(self, service: str) -> str:
        """Reach no service."""
        raise Unavailable("cannot reach it")

    def close(self) -> None:
        """Hold nothing."""

    def _part(self, name: str, answer: Any) -> Any:
        if name in self.faults:
            raise self.faults[name]
        return answer


@dataclass
class Target:
    """A cluster, and the stack that is up in it."""

    running: Running
    fault: LabError | None = None

    def cluster(self) -> Listed:
        """Return the cluster."""
        return self.running.cluster

    def current(self) -> Running:
        """Return the stack."""
        if self.fault is not None:
            raise self.fault
        return self.running


@dataclass
class Around:
    """What a stack depends on; *answer* gives the samples of a metrics server."""

    probe: PrometheusProbe | None = PrometheusProbe(URL, reachable=True, receives=True)  # noqa: RUF009  it is frozen
    answer: Callable[[], dict[str, float]] = dict

    def registry(self) -> None:
        """Configure none."""

    def images(self, _: object) -> tuple[()]:
        """Hold none."""
        return ()

    def store(self, url: str = "") -> None:
        """Have none outside."""

    def prometheus(self, url: str = "") -> PrometheusProbe | None:
        """Return the probe."""
        return self.probe

    def samples(self, _: str) -> "Around":
        """Return itself."""
        return self

    def ledger(self, endpoints: Endpoints) -> OpenLedger:
        """Reach none."""
        raise Unavailable("no account", found=f"nobody answers at {endpoints.query}")

    def newest(self, name: str) -> dict[str, float]:
        """Return the samples."""
        return self.answer()


def taken(target: Target, around: Around, folder: Path) -> Snapshot:
    """Return the snapshot."""
    settings = LabSettings(state_dir=folder, namespace="testbed")
    return ClusterSnapshots(settings, stacks=target, dependencies=around).take()


@pytest.mark.parametrize("part", ["processes", "clocks", "collector"])
def test_what_is_refused_for_one_part_ends_no_other(part: str, tmp_path: Path) -> None:
    """The refusal is kept as a denial, and told."""
    snapshot = taken(Target(Running(Listed(), {part: refused()})), Around(), tmp_path)
    assert snapshot.probes.denials == (EVENTS,)
    assert [(finding.cause, finding.object) for finding in diagnose(snapshot)] == [("forbidden", "User/lab-user")]
    assert (snapshot.probes.collector is None, len(snapshot.probes.clocks)) == (
        part == "collector",
        int(part != "clocks"),
    )
    assert snapshot.probes.prometheus is not None
    assert snapshot.probes.prometheus.samples == ()


def test_a_refusal_is_kept_once(tmp_path: Path) -> None:
    """Events are listed for the snapshot itself, and for every part of a stack."""
    every = {name: refused() for name in ("processes", "clocks", "collector")}
    snapshot = taken(Target(Running(Listed(refused={"Event": "events"}), every)), Around(), tmp_path)
    assert snapshot.probes.denials == (EVENTS,)


def test_a_stack_that_cannot_be_asked_for_tells_what_was_refused(tmp_path: Path) -> None:
    """Nobody was asked for samples then, which is not silence."""
    denied = Denial("list", "deployments", "testbed", "", "lab-user")
    snapshot = taken(Target(Running(Listed()), fault=refused("list", "deployments")), Around(), tmp_path)
    assert snapshot.probes.denials == (denied,)
    assert snapshot.probes.prometheus is not None
    assert snapshot.probes.prometheus.samples is None


def failing(error: LabError) -> Callable[[], dict[str, float]]:
    """Return an answer that does not come."""

    def answer() -> dict[str, float]:
        raise error

    return answer


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (Unavailable("no data: x", found=f"{URL}: 401 Unauthorized", code="PROM_REFUSED"), "401 Unauthorized"),
        (BadConfig("cannot read /run/token", found="No such file or directory"), "No such file"),
    ],
)
def test_a_metrics_server_that_gives_no_samples_was_not_asked(error: LabError, words: str, tmp_path: Path) -> None:
    """The reason is kept."""
    probe = taken(Target(Running(Listed())), Around(answer=failing(error)), tmp_path).probes.prometheus
    assert probe is not None
    assert (probe.reachable, probe.samples) == (True, None)
    assert words in probe.error


def test_a_metrics_server_inside_the_cluster_is_told_by_its_name_there(tmp_path: Path) -> None:
    """Where the port-forward fails nobody knows whether it answers."""
    name = "http://prometheus.testbed.svc:9090"
    inside = taken(Target(Running(Listed())), Around(None), tmp_path).probes.prometheus
    assert inside == PrometheusProbe(name, reachable=True, samples=(), inside=True)
    gone = Around(None, failing(Unavailable("no data", found="refused", code="PROM_UNREACHABLE")))
    unknown = taken(Target(Running(Listed())), gone, tmp_path).probes.prometheus
    assert unknown == PrometheusProbe(name, reachable=None, error="refused", inside=True)
    nowhere = Running(Listed(), servers=Endpoints())
    assert taken(Target(nowhere), Around(None), tmp_path).probes.prometheus is None
