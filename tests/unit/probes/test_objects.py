"""What is read from an API server and what it refuses, by a cluster that answers from lists."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lab.errors import Forbidden, Unavailable
from lab.probes.kubernetes_objects import read_objects
from lab.snapshots.probes import Denial
from lab.targets.kubernetes.client.where import Where
from lab.targets.kubernetes.kinds import Kind


@dataclass
class Listed:
    """A cluster of lists, with kinds that it refuses, and logs by (container, previous)."""

    lists: Mapping[str, Sequence[dict[str, Any]]] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)
    logs: Mapping[tuple[str, bool], str] = field(default_factory=dict)
    namespace: str = "testbed"
    where: Where = Where("https://127.0.0.1:6443", "lab", "c", "testbed")  # noqa: RUF009  it is frozen

    def list(self, kind: Kind, *, selector: str = "") -> Sequence[dict[str, Any]]:
        """Return the objects of a kind."""
        if kind.name in self.refused:
            raise Forbidden(f"cannot list {kind.name}s", found=forbidden("list", self.refused[kind.name]))
        return self.lists.get(kind.name, [])

    def find(self, kind: Kind, name: str) -> dict[str, Any] | None:
        """Return the namespace."""
        return {"metadata": {"name": name}}

    def may(self, right: object) -> bool:
        """Grant every right."""
        return True

    def user(self) -> str:
        """Return whom the API server takes the user for."""
        return "lab-user"

    def log(self, pod: str, container: str = "", *, previous: bool = False, lines: int | None = None) -> str:
        """Return what a container printed."""
        if (container, previous) not in self.logs:
            raise Unavailable("no such log")
        return self.logs[container, previous]


def forbidden(verb: str, resource: str) -> str:
    """Return the words of an API server that refuses something."""
    return (
        f'https://127.0.0.1:6443 as lab: {resource} is forbidden: User "lab-user" cannot {verb} resource "{resource}" '
        'in API group "" in the namespace "testbed"'
    )


def pod() -> dict[str, Any]:
    """Return a pod whose second container was started again."""
    statuses = [{"name": "service", "restartCount": 2}]
    return {
        "metadata": {"name": "w"},
        "spec": {"nodeName": "r3"},
        "status": {"initContainerStatuses": [{"name": "bootstrap"}], "containerStatuses": statuses},
    }


def test_logs_of_every_container_and_of_the_run_before_are_read() -> None:
    """A crash is explained by the run that has ended."""
    logs = {("bootstrap", False): "ready\n", ("service", True): "Traceback\nNameError\n", ("service", False): ""}
    read = read_objects(Listed({"Pod": [pod()]}, logs=logs))
    assert [(log.container, log.previous, log.lines) for log in read.logs] == [
        ("bootstrap", False, ("ready",)),
        ("service", True, ("Traceback", "NameError")),
    ]


def test_a_log_that_cannot_be_read_hides_no_other() -> None:
    """The node of one container does not answer."""
    read = read_objects(Listed({"Pod": [pod()]}, logs={("service", False): "well\n"}))
    assert [log.container for log in read.logs] == ["service"]


def test_what_is_refused_is_returned_and_the_rest_is_read() -> None:
    """The next step of a denial is a Role."""
    read = read_objects(Listed({"Pod": []}, refused={"Event": "events"}))
    assert read.denials == (Denial("list", "events", "testbed", "", "lab-user"),)
    assert read.objects.namespace["metadata"]["name"] == "testbed"


def test_what_the_lab_can_do_without_is_no_denial() -> None:
    """Volumes belong to the whole cluster, and the lab has none."""
    read = read_objects(Listed(refused={"PersistentVolume": "persistentvolumes"}))
    assert read.denials == ()


def test_logs_of_a_node_that_is_silent_are_not_waited_for() -> None:
    """Its kubelet would be asked for each of them, and does not answer."""
    silent = {"metadata": {"name": "r3"}, "status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}}
    logs = {("bootstrap", False): "ready\n"}
    read = read_objects(Listed({"Pod": [pod()], "Node": [silent]}, logs=logs))
    assert read.logs == ()


def test_of_events_warnings_are_kept_and_ended_containers() -> None:
    """A kubelet calls it normal that it restarts a container whose probe fails."""
    events = [{"type": kind, "reason": reason} for kind, reason in (("Normal", "Killing"), ("Warning", "Unhealthy"))]
    read = read_objects(Listed({"Event": [*events, {"type": "Normal", "reason": "Pulled"}]}))
    assert [*read.objects.events] == events
