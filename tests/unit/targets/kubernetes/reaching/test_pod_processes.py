"""The processes in pods are asked until each reports what it is."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from lab.errors import Unavailable
from lab.model import ServiceStatus
from lab.rpc.channels import plaintext
from lab.targets.kubernetes.client.kubectl import Kubectl
from lab.targets.kubernetes.reaching.pod_processes import Answers, PodProcesses, await_answers
from lab.targets.kubernetes.reaching.reach import Reach
from tests.fakes.cluster import FakeClusterClient
from tests.fakes.forwards import FakeForwards
from tests.unit.targets.kubernetes.samples import POD, row
from tests.unit.targets.kubernetes.status_server import INSTANCE, MACHINE, status_server


class Answering:
    """Two pods, the second of which does not answer for a number of rounds."""

    def __init__(self, silent: int) -> None:
        self._silent = silent

    def ask(self) -> Answers:
        """Return what each process answers."""
        self._silent -= 1
        answer = ServiceStatus(
            "process-worker", "127.0.0.1:1", healthy=True, instance_id="i", host_architecture="aarch64"
        )
        timeout = ServiceStatus("process-worker", "127.0.0.1:2", healthy=False, detail="DEADLINE_EXCEEDED: late")
        return [(POD, answer), (replace(POD, name="worker-2"), timeout if self._silent >= 0 else answer)]


def machines_of(silent: int) -> dict[str, str]:
    """Return pod → machine as its process reports it, on a clock that goes ten seconds a round."""
    pods, clock = Answering(silent), count(0.0, 10.0)
    answers = await_answers(pods.ask, clock=lambda: next(clock), pause_s=0)
    return {pod.name: status.host_architecture for pod, status in answers}


def test_a_process_that_does_not_answer_at_once_is_asked_again() -> None:
    """An emulated process is slow at first."""
    assert machines_of(2) == {"worker-1": "aarch64", "worker-2": "aarch64"}


def test_a_process_that_never_answers_is_named() -> None:
    """What it is stays unknown."""
    with pytest.raises(Unavailable, match="worker-2 is ready, but does not report its identity") as error:
        machines_of(99)
    assert error.value.reason == "E_NO_ANSWER"
    assert "DEADLINE_EXCEEDED" in error.value.found


@contextmanager
def processes(forwards: FakeForwards, folder: Path) -> Iterator[PodProcesses]:
    """Yield the processes in the pods that these ports lead to."""
    with closing(Reach(FakeClusterClient(), "", Kubectl("testbed", "here"), folder, open_port=forwards)) as reach:
        yield PodProcesses(reach, plaintext)


def test_only_processes_in_ready_pods_of_services_are_asked(tmp_path: Path) -> None:
    """Neither a pod that starts nor the store reports a status; a pod that is not reached has an empty address."""
    starting, gone = replace(POD, name="starting", ready=False), replace(POD, name="gone", node="r4")
    store = replace(row(POD), service="redis", pods=(replace(POD, name="redis-1", service="redis"),))
    rows = [replace(row(POD), pods=(POD, starting, gone)), store]
    with status_server() as address, processes(forwards := FakeForwards(address=address), tmp_path) as reached:
        forwards.gone = {"pod/gone"}
        answers = reached.answers(rows)
        assert [(pod.name, status.instance_id, status.host_architecture) for pod, status in answers] == [
            ("worker-1", INSTANCE, MACHINE),
            ("gone", "", ""),
        ]
        assert [clock.node for clock in reached.clocks(rows)] == ["r3"]
