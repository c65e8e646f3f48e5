"""What every stack does that is asked for a snapshot: pods whose processes are real, and the stack in memory.

The real stack has its Deployments and pods in a cluster in memory; every port-forward leads to a process of this
machine.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Final

import pytest

from lab.errors import Forbidden, LabError, Unavailable
from lab.model import Endpoints
from lab.probes.ports import RunningStack
from lab.probes.telemetry import collector_counters
from lab.snapshots.answers import CollectorProbe
from lab.snapshots.kubernetes import NAME_LABEL, Raw
from lab.systems.services import SERVICES
from lab.targets.kubernetes.client.kubectl import Kubectl
from lab.targets.kubernetes.deployment import ClusterDeployment
from lab.targets.kubernetes.reaching.servers import Servers
from lab.targets.kubernetes.rollout.gate import Gate
from tests.fakes.cluster import FakeClusterClient
from tests.fakes.probed import PAGE, SERVERS, FakeCluster, FakeRunningStack, forbidden, silent, well
from tests.programs import free_port
from tests.waiting import until

COLLECTOR: Final = "otel-collector"
REFUSED: Final = Forbidden("cannot list Pods", found=forbidden("list", "pods"))


@dataclass(frozen=True, slots=True)
class Planted:
    """What is wrong with a stack.

    Attributes:
        silent: Service whose process does not answer; empty for none.
        absent: Service that is not reached; empty for none.
        collector: Whether its collector is ready, is not, or is ready and does not answer.
        may_list_pods: Whether the user may.
    """

    silent: str = ""
    absent: str = ""
    collector: str = "ready"
    may_list_pods: bool = True


class Direct:
    """Stands in for `Forward`: leads to a process of this machine."""

    def __init__(self, resource: str, address: str) -> None:
        self._resource, self._address = resource, address

    def wait(self) -> str:
        """See `Forward.wait`."""
        if not self._address:
            raise Unavailable(f"cannot reach {self._resource}")
        return self._address

    def close(self) -> None:
        """See `Forward.close`."""


@contextmanager
def collector() -> Iterator[str]:
    """Yield host:port of a collector that shows its own metrics."""

    class Handler(BaseHTTPRequestHandler):
        """Answers every GET with the metrics."""

        def do_GET(self) -> None:
            """See `BaseHTTPRequestHandler`."""
            self.send_response(200)
            self.end_headers()
            self.wfile.write(PAGE.encode())

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()


def deployment(service: str) -> Raw:
    """Return the Deployment of a service."""
    labels = {NAME_LABEL: service}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"image": f"h/{service}"}]}}
    spec = {"selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": service}, "spec": spec}


def pod(service: str, *, ready: bool = True) -> Raw:
    """Return its pod."""
    container = {"name": "service", "image": f"h/{service}"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"{service}-1", "labels": {NAME_LABEL: service}},
        "spec": {"nodeName": "r3", "containers": [container]},
        "status": {"containerStatuses": [{"name": "service", "ready": ready, "restartCount": 0}]},
    }


def addresses_of(endpoints: Endpoints, planted: Planted, collector: str) -> Mapping[str, str]:
    """Return resource of a port-forward → where it leads; empty where it is not reached."""
    named = (endpoints.ingest, endpoints.worker, endpoints.query, endpoints.simulator)
    services = dict(zip(SERVICES, named, strict=True))
    reached = {f"service/{name}": address for name, address in services.items() if name != planted.absent}
    pods = {f"pod/{name}-1": address for name, address in services.items()}
    if planted.silent:
        pods[f"pod/{planted.silent}-1"] = f"127.0.0.1:{free_port()}"
    page = {"ready": collector, "silent": f"127.0.0.1:{free_port()}"}
    return {**reached, **pods, f"pod/{COLLECTOR}-1": page.get(planted.collector, "")}


Open = Callable[[Planted], RunningStack]


@pytest.fixture(params=["processes", "memory"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Yield what plants each stack; it is closed at the end."""
    with ExitStack() as opened:

        def of_processes(planted: Planted) -> RunningStack:
            real = request.getfixturevalue("stack")
            until(lambda: all(status.healthy for status in real.statuses()))
            addresses = addresses_of(real.endpoints, planted, opened.enter_context(collector()))

            def open_port(kubectl: Kubectl, resource: str, port: int, *, log: Path) -> Direct:
                return Direct(resource, addresses.get(resource, ""))

            pods = [*map(pod, SERVICES), pod(COLLECTOR, ready=planted.collector != "not ready")]
            cluster = FakeClusterClient(*map(deployment, (*SERVICES, COLLECTOR)), *pods)
            cluster.faults = {} if planted.may_list_pods else {"list Pod": REFUSED}
            gate = Gate(cluster, "", lambda *_: None, 1.0)
            kubectl = Kubectl("testbed", "here")
            servers = Servers(replace(SERVERS, access=real.endpoints.access))
            stack = ClusterDeployment(cluster, gate, kubectl, servers=servers, folder=tmp_path, open_port=open_port)
            opened.callback(stack.close)
            return stack

        yield in_memory if request.param == "memory" else of_processes


def in_memory(planted: Planted) -> RunningStack:
    """Return the fake."""
    faults: dict[str, LabError] = {} if planted.may_list_pods else dict.fromkeys(("processes", "clocks"), REFUSED)
    if planted.collector == "silent":
        faults["collector"] = Unavailable("cannot read the collector's own metrics")
    return FakeRunningStack(
        FakeCluster(),
        faults,
        statuses=[silent(name) if name == planted.silent else well(name) for name in SERVICES],
        addresses={name: "127.0.0.1:1" for name in SERVICES if name != planted.absent},
        page=PAGE if planted.collector == "ready" else "",
    )


def test_a_stack_names_its_namespace_and_its_servers(opened: Open) -> None:
    """Of servers outside the cluster, the URLs of the settings."""
    stack = opened(Planted())
    assert (stack.cluster.namespace, replace(stack.servers, access=SERVERS.access)) == ("testbed", SERVERS)


def test_every_pod_of_a_service_reports_by_its_process(opened: Open) -> None:
    """The `instance` of its metrics, and the machine it was built for; the collector is no service."""
    reports = {pod.name: status for pod, status in opened(Planted()).processes()}
    assert reports.keys() == {f"{service}-1" for service in SERVICES}
    assert all(status.healthy and status.instance_id and status.host_architecture for status in reports.values())


def test_a_process_that_does_not_answer_reports_nothing(opened: Open) -> None:
    """It is there all the same, and hides no other."""
    reports = {pod.name: status for pod, status in opened(Planted(silent="query-api")).processes()}
    quiet = reports.pop("query-api-1")
    assert (quiet.healthy, quiet.instance_id) == (False, "")
    assert all(status.instance_id for status in reports.values())


def test_every_node_with_a_service_has_a_clock(opened: Open) -> None:
    """On this machine, it is this machine's, within the error of the measurement."""
    [clock] = opened(Planted()).clocks()
    assert clock.node == "r3"
    assert abs(clock.offset_s) <= clock.error_s + 0.001


def test_the_collector_shows_its_own_counters(opened: Open) -> None:
    """As Prometheus' text."""
    assert collector_counters(opened(Planted()).collector_page()) == CollectorProbe(received=20, sent=0, failed=0)


def test_a_collector_that_is_not_ready_shows_nothing(opened: Open) -> None:
    """Its pod tells why."""
    assert opened(Planted(collector="not ready")).collector_page() == ""


def test_a_collector_that_is_ready_and_does_not_answer_is_an_error(opened: Open) -> None:
    """It is not a collector that took nothing."""
    with pytest.raises(Unavailable):
        opened(Planted(collector="silent")).collector_page()


def test_a_service_is_reached_at_host_and_port(opened: Open) -> None:
    """Where it cannot be reached, the error says so."""
    stack = opened(Planted(absent="query-api"))
    host, _, port = stack.address_of("ingest-api").rpartition(":")
    assert (host, port.isdigit()) == ("127.0.0.1", True)
    with pytest.raises(Unavailable, match="cannot reach"):
        stack.address_of("query-api")


@pytest.mark.parametrize("part", ["processes", "clocks"])
def test_a_stack_whose_pods_may_not_be_listed_says_so(opened: Open, part: str) -> None:
    """By the right that is missing, not by an empty list."""
    stack = opened(Planted(may_list_pods=False))
    with pytest.raises(Forbidden, match='cannot list resource "pods"'):
        getattr(stack, part)()


def test_a_stack_may_be_closed_twice(opened: Open) -> None:
    """A caller closes it whatever happened before."""
    stack = opened(Planted())
    stack.processes()
    before = stack.servers
    stack.close()
    stack.close()
    assert stack.servers == before
