"""What is read from an API server and what it refuses, by a cluster that answers from lists."""

from typing import Any

from lab.errors import Forbidden, Unavailable
from lab.probes.kubernetes_objects import read_objects
from lab.snapshots.gaps import Denial, Unanswered
from lab.snapshots.kubernetes import Raw
from lab.snapshots.kubernetes.kinds import Kind
from tests.fakes.probed import FakeCluster, forbidden


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
    read = read_objects(FakeCluster({"Pod": [pod()]}, logs=logs))
    assert [(log.container, log.previous, log.lines) for log in read.logs] == [
        ("bootstrap", False, ("ready",)),
        ("service", True, ("Traceback", "NameError")),
    ]


def test_a_log_that_cannot_be_read_hides_no_other() -> None:
    """Why it is missing is kept."""
    gone = Unavailable("cannot read the log", found="timed out")
    read = read_objects(FakeCluster({"Pod": [pod()]}, logs={("service", False): "well\n", ("bootstrap", False): gone}))
    assert [log.container for log in read.logs] == ["service"]
    assert read.unanswered == (Unanswered("log of w/bootstrap", "cannot read the log: timed out"),)


def test_a_container_that_never_ran_has_no_log_and_no_error() -> None:
    """Its pod may wait for an image."""
    read = read_objects(FakeCluster({"Pod": [pod()]}))
    assert (read.logs, read.unanswered) == ((), ())


def test_logs_that_may_not_be_read_are_one_denial() -> None:
    """No other container of the pod is asked for."""
    refusal = Forbidden("cannot read the log of w", found=forbidden("get", "pods"))
    read = read_objects(FakeCluster({"Pod": [pod()]}, logs={("bootstrap", False): refusal, ("service", True): refusal}))
    assert read.denials == (Denial("get", "pods", "testbed", "", "lab-user"),)


def test_a_refusal_in_other_words_is_kept_in_these_words() -> None:
    """A webhook may refuse what RBAC allows."""

    class Refusing(FakeCluster):
        """A cluster that refuses its namespace."""

        def find(self, kind: Kind, name: str) -> Raw | None:
            """Refuse."""
            raise Forbidden("cannot read Namespace testbed", found="the cluster does not know this user")

    read = read_objects(Refusing())
    error = "cannot read Namespace testbed: the cluster does not know this user"
    assert (read.denials, read.unanswered) == ((), (Unanswered("namespace", error),))


def test_what_is_refused_is_returned_and_the_rest_is_read() -> None:
    """The next step of a denial is a Role."""
    read = read_objects(FakeCluster({"Pod": []}, refused={"Event": "events"}))
    assert read.denials == (Denial("list", "events", "testbed", "", "lab-user"),)
    assert read.objects.namespace["metadata"]["name"] == "testbed"


def test_what_the_lab_can_do_without_is_no_denial() -> None:
    """Volumes belong to the whole cluster, and the lab has none."""
    read = read_objects(FakeCluster(refused={"PersistentVolume": "persistentvolumes"}))
    assert read.denials == ()


def test_logs_of_a_node_that_is_silent_are_not_waited_for() -> None:
    """Its kubelet would be asked for each of them, and does not answer."""
    silent = {"metadata": {"name": "r3"}, "status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}}
    logs = {("bootstrap", False): "ready\n"}
    read = read_objects(FakeCluster({"Pod": [pod()], "Node": [silent]}, logs=logs))
    assert read.logs == ()


def test_of_events_warnings_are_kept_and_ended_containers() -> None:
    """A kubelet calls it normal that it restarts a container whose probe fails."""
    events = [{"type": kind, "reason": reason} for kind, reason in (("Normal", "Killing"), ("Warning", "Unhealthy"))]
    read = read_objects(FakeCluster({"Event": [*events, {"type": "Normal", "reason": "Pulled"}]}))
    assert [*read.objects.events] == events
