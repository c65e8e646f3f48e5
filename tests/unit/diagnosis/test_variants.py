"""The same cause in its other forms: other distributions, other texts, pods that nothing made."""

import copy
import json
from dataclasses import replace

import pytest

from lab.diagnosis.diagnose import diagnose
from lab.diagnosis.finding import Finding
from lab.diagnosis.rules.containers import last_traceback
from lab.snapshots.probes import Denial, ImageProbe, Platform
from lab.snapshots.snapshot import Snapshot
from tests.unit.diagnosis.builders import (
    COLLECTOR_YAML,
    NAMESPACE,
    REGISTRY,
    Object,
    ago,
    bare,
    changed,
    crashing,
    digest,
    event,
    healthy,
    image,
    image_probe,
    node,
    pod,
    refused,
    respecified,
    unplaced,
    waiting,
    with_log,
    with_objects,
    with_pod,
    with_probes,
)
from tests.unit.diagnosis.cases import (
    CASES,
    POD,
    REMOTE_WRITE_LOG,
    WORKER,
    collector_says,
    prometheus_says,
    pull_fails,
    volume_pins_pod,
    worker_sleeps,
)


def only(snapshot: Snapshot) -> Finding:
    """The one thing that is wrong."""
    found = diagnose(snapshot)
    assert len(found) == 1, [(one.cause, one.object) for one in found]
    return found[0]


@pytest.mark.parametrize(
    ("version", "labels", "words"),
    [
        ("v1.34.4+k3s1", {}, ["/etc/rancher/k3s/registries.yaml", "mirrors:", "restart k3s-agent"]),
        ("v1.34.4+k3s1", {"node-role.kubernetes.io/control-plane": "true"}, ["registries.yaml", "restart k3s'"]),
        ("v1.34.4+rke2r1", {}, ["/etc/rancher/rke2/registries.yaml", "restart rke2-agent"]),
        ("v1.34.4", {}, [f"/etc/containerd/certs.d/{REGISTRY}/hosts.toml", '"pull", "resolve"']),
    ],
)
def test_plain_http_is_cured_by_the_file_of_that_node(version: str, labels: dict[str, str], words: list[str]) -> None:
    """Each distribution keeps it elsewhere."""
    board = node("arm64")
    board["status"]["nodeInfo"]["kubeletVersion"] = version
    board["metadata"]["labels"] |= labels
    case = with_objects(CASES["registry-plain-http"].snapshot, nodes=(node("amd64"), board))
    assert all(word in only(case).do for word in words), only(case).do


def test_an_old_kubelet_says_why_only_in_its_event() -> None:
    """Before 1.31 a container that backs off names no reason."""
    here = pull_fails("server gave HTTP response to HTTPS client")
    thing = waiting(pod(), "ImagePullBackOff", f'Back-off pulling image "{image("process-worker", "arm64")}"')
    assert only(with_pod(here, thing)).cause == "registry-plain-http"


def test_the_nearest_image_is_offered_for_what_the_lab_did_not_apply() -> None:
    """The registry's own list is the evidence; the step names one image by its digest, so that nobody chooses."""
    reference = f"{REGISTRY}/process-worker:0.1.1"
    thing = bare(respecified(pod(), image=reference), "control")
    thing = waiting(thing, "ErrImagePull", f"rpc error: code = NotFound desc = {reference}: not found")
    there = image_probe("process-worker")
    absent = replace(there, reference=reference, found=False, index_digest="", nearest="0.1.0")
    here = with_pod(healthy(), thing)
    found = only(with_probes(here, images=(*here.probes.images, absent)))
    assert found.object == "Pod/control"
    assert "0.1.0, 0.0.9" in found.found
    chosen = image("process-worker", "arm64")
    assert found.do == f"kubectl -n {NAMESPACE} set image pod/control process-worker={chosen}"
    other = replace(absent, platforms=tuple(one for one in absent.platforms if one.architecture != "arm64"))
    assert only(with_probes(here, images=(*here.probes.images, other))).do.startswith("lab images build && ")


def test_a_node_that_asks_another_registry_is_told_from_an_image_that_is_not_there() -> None:
    """The lab finds what the node does not: its registries file is missing."""
    reference = f"{REGISTRY}/process-worker:0.1.0"
    found = only(pull_fails(f"{reference}: not found", reference=reference))
    assert (found.cause, "the lab finds it" in found.found) == ("image-not-there", True)
    assert f"certs.d/{REGISTRY}/hosts.toml" in found.do


def test_the_right_digest_is_offered_for_what_the_lab_did_not_apply() -> None:
    """Exactly that of the node's architecture."""
    here = CASES["wrong-architecture"].snapshot
    found = only(replace(here, wanted=()))
    assert found.do.endswith(f"process-worker={image('process-worker', 'arm64')}")


def test_an_image_without_this_architecture_has_to_be_built() -> None:
    """There is nothing to resolve."""
    reference = f"{REGISTRY}/process-worker:0.1.0"
    here = pull_fails("no match for platform in manifest: not found", reference=reference)
    probe = ImageProbe(
        reference, found=True, platforms=(Platform("amd64", digest("process-worker", "amd64"), "amd64"),)
    )
    found = only(with_probes(here, images=(probe,)))
    assert (found.cause, found.do) == (
        "wrong-architecture",
        "lab images build && lab up --target kubernetes --namespace testbed --force",
    )


def test_an_index_that_lies_is_told() -> None:
    """The configuration of the image was written by the build, the index by hand."""
    arm = Platform("arm64", digest("process-worker", "arm64"), config_architecture="amd64")
    probe = ImageProbe(f"{REGISTRY}/process-worker:0.1.0", platforms=(arm,))
    found = diagnose(with_probes(healthy(), images=(probe,)))[0]
    assert found.cause == "digest-not-of-architecture"
    assert "the index calls it arm64" in found.found


def test_a_pod_by_the_index_whose_process_says_nothing_is_not_believed() -> None:
    """Nobody knows what it runs."""
    here = CASES["wrong-architecture-silent"].snapshot
    assert "nothing proves" in only(with_probes(here, processes=())).title


def test_a_pinned_pod_that_its_node_calls_by_the_index_is_believed() -> None:
    """The node pulled the index before, knows the image by two digests, and calls it by the one that sorts first."""
    called = changed(pod(), imageID=image("process-worker"))
    assert diagnose(with_probes(with_pod(healthy(), called), processes=())) == diagnose(
        with_probes(healthy(), processes=())
    )
    elsewhere = changed(respecified(pod(), image=image("process-worker", "riscv64")), imageID=image("process-worker"))
    assert only(with_probes(with_pod(healthy(), elsewhere), processes=())).cause == "wrong-architecture-silent"


@pytest.mark.parametrize(
    ("resource", "asked", "offered"), [("memory", "6Gi", "1971Mi"), ("cpu", "4", "1000m"), ("cpu", "100m", "50m")]
)
def test_a_request_that_fits_is_offered(resource: str, asked: str, offered: str) -> None:
    """Half of what is left on a node, or of what was asked: pods of other namespaces are not seen."""
    said = f"0/2 nodes are available: 1 Insufficient {resource}, 1 node(s) didn't match Pod's node affinity/selector."
    made = unplaced(respecified(pod(), resources={"requests": {resource: asked}}), said)
    found = only(with_pod(healthy(), made))
    assert found.do.endswith(f"set resources deployment/process-worker-arm64 --requests={resource}={offered}")


def cordoned(board: Object) -> None:
    """As `kubectl drain` leaves a node."""
    board["spec"] |= {"unschedulable": True}
    board["spec"]["taints"] = [{"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}]


def tainted(board: Object) -> None:
    """As an administrator keeps a node for something else."""
    board["spec"]["taints"] = [{"key": "board", "value": "slow", "effect": "NoSchedule"}]


def of_another_kind(board: Object) -> None:
    """The cluster has no such board at all."""
    board["metadata"]["labels"]["kubernetes.io/arch"] = "riscv64"


@pytest.mark.parametrize(
    ("change", "said", "do"),
    [
        (cordoned, "1 node(s) were unschedulable", "kubectl uncordon r3"),
        (tainted, "1 node(s) had untolerated taint(s)", '"tolerations":[{"key":"board","operator":"Exists"'),
        (
            of_another_kind,
            "2 node(s) didn't match Pod's node affinity/selector",
            "scale deployment/process-worker-arm64",
        ),
    ],
)
def test_a_node_that_takes_no_pods(change: object, said: str, do: str) -> None:
    """Its taints and labels are looked at; the scheduler names none of them."""
    assert callable(change)
    board = node("arm64")
    change(board)
    here = with_objects(healthy(), nodes=(node("amd64"), board))
    assert do in only(with_pod(here, unplaced(pod(), f"0/2 nodes are available: {said}."))).do


def test_a_volume_of_a_pod_that_nothing_made_is_cured_by_making_it_again() -> None:
    """A pod's volumes cannot be changed; a look has no secrets, so that the pod is made of what the API server has."""
    here = volume_pins_pod()
    pinned = next(one for one in here.objects.pods if "nodeName" not in one["spec"])
    alone = with_objects(here, pods=(bare(copy.deepcopy(dict(pinned)), "solo"),))
    found = only(alone)
    change = '[{"op":"replace","path":"/spec/volumes/0","value":{"name":"cache","emptyDir":{"sizeLimit":"256Mi"}}}]'
    patch = f"kubectl -n {NAMESPACE} patch pod/solo --type=json -p '{change}' --dry-run=client -o json"
    assert found.do == f"{patch} | kubectl replace --force -f -"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (
            "failed quota: small: must specify limits.memory for: x; requests.cpu for: x",
            ["--limits=memory=256Mi", "cpu=100m"],
        ),
        ("exceeded quota: small, requested: pods=1, used: pods=6, limited: pods=6", ['"pods":"7"']),
        ("minimum memory usage per Container is 256Mi, but request is 128Mi", ["--requests=memory=256Mi", "--limits"]),
        ("maximum cpu usage per Container is 1.  No limit is specified", ["--limits=cpu=1"]),
        ('violates PodSecurity "baseline:latest": privileged (container "x" must not set …)', ['"privileged":false']),
    ],
)
def test_what_the_api_server_refuses(said: str, words: list[str]) -> None:
    """Every form of it has its own cure."""
    found = only(refused(healthy(), POD + said))
    assert all(word in found.do for word in words), found.do


def test_a_missing_right_on_one_object_is_not_given_on_all_of_its_kind() -> None:
    """The step is the lab's own Role, whose rules name their objects; a name is quoted."""
    denial = Denial("patch", "secrets", NAMESPACE, user="jane; id")
    found = only(with_probes(healthy(), denials=(denial,)))
    assert found.do == f"lab rbac print --no-faults --namespace {NAMESPACE} --user 'jane; id' | kubectl apply -f -"


VALID = "(valid values: [prometheus prometheus_remote_write otlp_grpc otlp debug k8s_attributes])"


def unknown(section: str, name: str) -> str:
    """What a collector says of a component that it does not have."""
    return f'\'{section}\' unknown type: "{name}" for id: "{name}" {VALID}'


@pytest.mark.parametrize(
    ("before", "after", "said", "word"),
    [
        ("debug", "jaeger", unknown("exporters", "jaeger"), "/otlp_grpc/"),
        ("batch", "k8sattributes", unknown("processors", "k8sattributes"), "/k8s_attributes/"),
        ("batch", "spanmetrics", unknown("processors", "spanmetrics"), "edit configmap/otel-collector"),
        ("debug: {}", "debug: {loglevel: debug}", "'debugexporter.Config' has invalid keys: loglevel", "verbosity"),
        (
            "[prometheus_remote_write, debug]",
            "[otlp]",
            'Error: service::pipelines::metrics: references exporter "otlp" which is not configured',
            "edit configmap/otel-collector",
        ),
    ],
)
def test_what_a_collector_refuses(before: str, after: str, said: str, word: str) -> None:
    """Texts of version 0.155, each with file and line."""
    found = only(collector_says(COLLECTOR_YAML.replace(before, after), "Error: failed to get config", said))
    assert "otel-collector, config.yaml:" in found.found
    assert word in found.do


def test_an_option_of_the_removed_exporter_goes_with_it() -> None:
    """`debug` refuses what `logging` took."""
    configuration = COLLECTOR_YAML.replace("debug: {}", "logging: {loglevel: debug}").replace("debug]", "logging]")
    said = "'exporters' the logging exporter has been deprecated, use the debug exporter instead"
    assert "verbosity: detailed" in only(collector_says(configuration, said)).do


def test_an_old_revision_that_runs_is_gone_back_to() -> None:
    """Quicker than to build."""
    replica_set = pod()["metadata"]["ownerReferences"][0]["name"]
    sets = tuple(
        {
            "metadata": {"name": name, "annotations": {"deployment.kubernetes.io/revision": revision}},
            "status": {"readyReplicas": ready},
        }
        for name, revision, ready in (("process-worker-arm64-old", "9", 1), (replica_set, "10", 0))
    )
    # The look may have been of a moment before the newest was there, and of its pod a moment later.
    for seen in (sets, sets[:1]):
        here = with_objects(CASES["crash-at-start"].snapshot, replica_sets=seen)
        assert only(here).do == f"kubectl -n {NAMESPACE} rollout undo deployment/process-worker-arm64"


def test_a_traceback_inside_a_json_line_is_read() -> None:
    """As the services log what they caught."""
    text = 'Traceback (most recent call last):\n  File "/app/a.py", line 7, in f\nValueError: no'
    last = last_traceback((json.dumps({"message": "stopped", "exception": text}),))
    assert last is not None
    assert (last.raised, last.file, last.line) == ("ValueError: no", "/app/a.py", 7)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("Readiness probe failed: timeout: health rpc did not complete within 1s", ['timeoutSeconds","value":5']),
        ('Readiness probe failed: service unhealthy (responded with "NOT_SERVING")', ["lab status"]),
    ],
)
def test_a_probe_that_fails_otherwise(said: str, words: list[str]) -> None:
    """Too slow, or unwell by its own word."""
    made = changed(pod(), ready=False, lastState={})
    found = only(with_pod(healthy(), made, event(made, "Unhealthy", said)))
    assert all(word in found.do for word in words), found.do


def test_a_container_that_a_probe_ends_is_found_while_it_is_up() -> None:
    """Its liveness fails again and again."""
    said = 'Liveness probe failed: timeout: failed to connect service "198.18.12.7:8081" within 1s'
    killing = event(pod(), "Killing", "Container process-worker failed liveness probe, will be restarted")
    found = only(with_pod(healthy(), pod(), event(pod(), "Unhealthy", said), killing))
    assert "its liveness probe fails" in found.title


@pytest.mark.parametrize(
    ("status", "said", "words"),
    [
        (400, "out of order sample", ["out_of_order_time_window"]),
        (400, "out of bounds", ["chronyc makestep"]),
    ],
)
def test_prometheus_refuses_samples(status: int, said: str, words: list[str]) -> None:
    """What it says decides."""
    found = only(prometheus_says(REMOTE_WRITE_LOG % (status, said)))
    assert found.found == said
    assert all(word in found.do for word in words), found.do


def test_two_collectors_are_one_too_many() -> None:
    """They write the same series."""
    second = pod("otel-collector", "amd64")
    second["metadata"] |= {"name": "otel-collector-amd64-second"}
    here = with_pod(prometheus_says(REMOTE_WRITE_LOG % (400, "out of order sample")), second)
    assert "scale deployment/otel-collector-amd64 --replicas=1" in only(here).do


def test_a_prometheus_that_is_away_is_one_finding() -> None:
    """And explains every missing metric."""
    assert only(prometheus_says(reachable=False, error="connection refused")).cause == "prometheus-receives-nothing"


def test_a_worker_of_another_namespace_of_keys_consumes_nothing() -> None:
    """The variable that differs is named, and made the same."""
    thing = pod()
    thing["spec"]["containers"][0]["env"].append({"name": "LAB_STORE_NAMESPACE", "value": "other"})
    found = [one for one in diagnose(with_pod(worker_sleeps(), thing)) if one.object == WORKER]
    assert found[0].do == f"kubectl -n {NAMESPACE} set env deployment/process-worker-arm64 LAB_STORE_NAMESPACE-"


def test_services_that_cannot_reach_a_store_the_lab_reaches() -> None:
    """It listens on its own machine alone."""
    made = crashing(pod(), exit_code=69)
    said = "process-worker: STORE_UNREACHABLE\n  redis 198.18.0.1:6379: Error 111 connecting. Connection refused."
    found = only(with_log(with_pod(healthy(), made), made, *said.splitlines()))
    assert (found.cause, "config set bind" in found.do) == ("redis-unreachable", True)


def test_a_policy_that_allows_no_lookups_is_the_cause() -> None:
    """The names are right, the packets do not leave."""
    policy = {"metadata": {"name": "default-deny"}, "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}}
    found = only(with_objects(CASES["dns-failing"].snapshot, network_policies=(policy,)))
    assert (found.object, '"port":53' in found.do) == ("NetworkPolicy/default-deny", True)


def test_a_namespace_goes_no_sooner_than_its_pods_may_end() -> None:
    """Their grace is as long as a service's drain."""
    gone = {"metadata": {"name": NAMESPACE, "deletionTimestamp": ago(80)}, "status": {"phase": "Terminating"}}

    def with_grace(seconds: int) -> Snapshot:
        ending = pod()
        ending["spec"]["terminationGracePeriodSeconds"] = seconds
        return replace(with_objects(healthy(), namespace=gone, pods=(ending,), deployments=()), logs=())

    assert diagnose(with_grace(75)) == ()
    assert only(with_grace(20)).cause == "namespace-terminating"


def test_a_board_that_is_switched_off_and_not_needed_is_nobody_s_fault() -> None:
    """A cluster may have more nodes than a lab uses."""
    here = CASES["node-not-ready"].snapshot
    kept = tuple(one for one in here.objects.pods if one["spec"].get("nodeName") != "r3")
    wanted = tuple(one for one in here.wanted if one.architecture != "arm64")
    assert diagnose(replace(with_objects(here, pods=kept), wanted=wanted)) == ()
