"""The logs of a pod begin with its init containers, and are followed without a gap."""

from itertools import islice

from lab.targets.follow import followed_pods
from lab.targets.kubernetes.reaching.pod_logs import PodLogs
from tests.fakes.cluster import FakeClusterClient
from tests.unit.targets.kubernetes.samples import pod


def starting() -> FakeClusterClient:
    """Return a cluster with a pod whose init container has printed something, and whose service has not."""
    raw = pod("a")
    raw["spec"]["initContainers"] = [{"name": "bootstrap"}]
    cluster = FakeClusterClient(raw)
    cluster.logs = {("a", "bootstrap"): ["1 looking\n2 done\n"]}
    return cluster


def test_following_a_pod_begins_with_its_init_container() -> None:
    """The service comes next; each line comes once."""
    cluster, printed = starting(), iter(["3 serving\n"])

    def pause(_seconds: float) -> None:
        cluster.logs["a", ""] = (next(printed),)

    followed = followed_pods(PodLogs(cluster).since, ["a"], 10, pause=pause)
    assert list(islice(followed, 3)) == ["looking", "done", "serving"]


def test_the_instance_of_a_run_that_ended_is_in_its_last_lines() -> None:
    """It is empty where the log is gone, or names no instance."""
    cluster = starting()
    assert PodLogs(cluster).ended_instance("a") == ""
    cluster.logs["a", ""] = ['{"instance": "90f1"}\nTraceback\n', '{"instance": "a2b3"}\n']
    assert PodLogs(cluster).ended_instance("a") == "90f1"
    cluster.logs["a", ""] = ["Traceback\n", ""]
    assert PodLogs(cluster).ended_instance("a") == ""
