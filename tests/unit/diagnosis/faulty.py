"""Builds snapshots by hand in which one thing is wrong; a test of a variant starts from one of them."""

from dataclasses import replace
from typing import Final

from lab.snapshots.answers import LedgerProbe, ProcessProbe, PrometheusProbe
from lab.snapshots.gaps import Denial
from lab.snapshots.images import RegistryProbe
from lab.snapshots.snapshot import Snapshot
from tests.unit.diagnosis.builders import (
    COLLECTOR_YAML,
    HOST,
    NAMESPACE,
    REGISTRY,
    ago,
    changed,
    crashing,
    event,
    healthy,
    image,
    pod,
    pod_name,
    respecified,
    unplaced,
    waiting,
    with_log,
    with_objects,
    with_pod,
    with_probes,
)

PULL: Final = "rpc error: code = Unknown desc = failed to pull and unpack image"
REMOTE_WRITE_LOG: Final = (
    "2026-11-25T02:48:45.816Z\terror\tprometheusremotewriteexporter@v0.155.0/exporter.go:492\t"
    'failed to send WriteRequest to remote endpoint\t{"resource": {"service.name": "otelcol-lab"}, '
    '"otelcol.component.id": "prometheus_remote_write", '
    '"status_code": %d, "endpoint": "http://198.18.0.1:9090/api/v1/write", "retry_attempt": 1, "error": "%s\\n"}'
)


def forbidden() -> Snapshot:
    """Return a snapshot with a kubeconfig that may read and not write."""
    denials = (
        Denial("patch", "deployments", NAMESPACE, group="apps", user="lab-user"),
        Denial("create", "deployments", NAMESPACE, group="apps", user="lab-user"),
        Denial("get", "pods/log", NAMESPACE, user="lab-user"),
    )
    return with_probes(healthy(), denials=denials)


def namespace_terminating() -> Snapshot:
    """Return a snapshot of a namespace that the finalizer of a ConfigMap holds."""
    held = {"metadata": {"name": "held", "finalizers": ["example.com/hold"], "deletionTimestamp": ago(280)}}
    finalizers = "Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances"
    left = "Some resources are remaining: configmaps. has 1 resource instances"
    conditions = [
        {"type": "NamespaceDeletionDiscoveryFailure", "status": "False", "reason": "ResourcesDiscovered"},
        {"type": "NamespaceContentRemaining", "status": "True", "reason": "SomeResourcesRemain", "message": left},
        {
            "type": "NamespaceFinalizersRemaining",
            "status": "True",
            "reason": "SomeFinalizersRemain",
            "message": finalizers,
        },
    ]
    namespace = {
        "metadata": {"name": NAMESPACE, "deletionTimestamp": ago(300)},
        "status": {"phase": "Terminating", "conditions": conditions},
    }
    empty = with_objects(healthy(), namespace=namespace, pods=(), deployments=(), config_maps=(held,))
    return replace(empty, logs=())


def volume_pins_pod() -> Snapshot:
    """Return a snapshot with a pod for arm64 that claims a volume of the amd64 node."""
    reason = (
        "0/2 nodes are available: 1 node(s) didn't match PersistentVolume's node affinity, "
        "1 node(s) didn't match Pod's node affinity/selector."
    )
    worker = unplaced(pod(), reason)
    worker["spec"]["volumes"][0] = {"name": "cache", "persistentVolumeClaim": {"claimName": "sqlite-pvc"}}
    rule = {"key": "kubernetes.io/hostname", "operator": "In", "values": ["clus1"]}
    volume = {
        "metadata": {"name": "pv-clus1"},
        "spec": {"nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [rule]}]}}},
    }
    claim = {"metadata": {"name": "sqlite-pvc"}, "spec": {"volumeName": "pv-clus1"}}
    return with_objects(with_pod(healthy(), worker), volumes=(volume,), volume_claims=(claim,))


def no_node_fits() -> Snapshot:
    """Return a snapshot with a pod that asks for a label that no node has."""
    worker = unplaced(pod(), "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector.")
    worker["spec"]["nodeSelector"] |= {"nodetype": "board"}
    return with_pod(healthy(), worker)


def pull_fails(reason: str, *, reference: str = "") -> Snapshot:
    """Return a snapshot in which the worker's image cannot be pulled; container and event tell the reason."""
    wanted = reference or image("process-worker", "arm64")
    message = f'{PULL} "{wanted}": {reason}'
    worker = respecified(pod(), image=wanted)
    backing_off = f'Back-off pulling image "{wanted}": ErrImagePull: {message}'
    failed = event(worker, "Failed", f'Failed to pull image "{wanted}": {message}')
    return with_pod(healthy(), waiting(worker, "ImagePullBackOff", backing_off), failed)


def digest_of_amd64() -> Snapshot:
    """Return a snapshot in which the arm64 worker is pinned to the amd64 image, and about to start."""
    worker = respecified(pod(), image=image("process-worker", "amd64"))
    return with_pod(healthy(), waiting(worker, "ContainerCreating", ""))


def exec_format_error() -> Snapshot:
    """Return a snapshot in which the index is pinned, and the node's runtime chose amd64 from it."""
    by_index = respecified(pod(), image=image("process-worker"))
    worker = crashing(changed(by_index, imageID=image("process-worker")))
    return with_log(with_pod(healthy(), worker), worker, "exec /usr/bin/python3: exec format error", previous=True)


def silent_architecture() -> Snapshot:
    """Return a snapshot in which an arm64 node emulates the amd64 image that its runtime chose."""
    by_tag = respecified(pod(), image=f"{REGISTRY}/process-worker:0.1.0")
    snapshot = with_pod(healthy(), changed(by_tag, imageID=image("process-worker")))
    name = by_tag["metadata"]["name"]
    others = [process for process in snapshot.probes.processes if process.pod != name]
    return with_probes(snapshot, processes=(*others, ProcessProbe(name, name, "x86_64")))


def collector_logs(configuration: str, *lines: str) -> Snapshot:
    """Return a snapshot in which the collector logs what its configuration lacks, and ends."""
    collector = crashing(pod("otel-collector", "amd64"))
    config = {"metadata": {"name": "otel-collector"}, "data": {"config.yaml": configuration}}
    snapshot = with_objects(with_pod(healthy(), collector), config_maps=(config,))
    return with_log(snapshot, collector, *lines, previous=True)


def logging_exporter() -> Snapshot:
    """Return a snapshot in which the collector is configured with the exporter that was removed."""
    return collector_logs(
        COLLECTOR_YAML.replace("debug", "logging"),
        "Error: failed to get config: cannot unmarshal the configuration: decoding failed due to the following",
        "",
        "'exporters' the logging exporter has been deprecated, use the debug exporter instead",
    )


def name_error() -> Snapshot:
    """Return a snapshot with the fault that every service of the first project had."""
    worker = crashing(pod())
    return with_log(
        with_pod(healthy(), worker),
        worker,
        "Traceback (most recent call last):",
        '  File "<frozen runpy>", line 198, in _run_module_as_main',
        '  File "/app/services/process_worker/__main__.py", line 12, in <module>',
        "    from services.telemetry.setup import set_up",
        '  File "/app/services/telemetry/setup.py", line 31, in <module>',
        "    STARTED = time.time()",
        "              ^^^^",
        "NameError: name 'time' is not defined. Did you forget to import 'time'?",
    )


def store_probed(**facts: object) -> Snapshot:
    """Return a snapshot with another probe of the store."""
    store = healthy().probes.store
    assert store is not None
    return with_probes(healthy(), store=replace(store, **facts))  # type: ignore[arg-type]


def probe_on_another_port() -> Snapshot:
    """Return a snapshot in which the kubelet probes a port that nothing listens on."""
    probe = {"grpc": {"port": 50051, "service": ""}, "timeoutSeconds": 1}
    worker = changed(respecified(pod(), readinessProbe=probe), ready=False, lastState={}, restartCount=0)
    message = (
        'Readiness probe failed: timeout: failed to connect service "198.18.12.7:50051" within 1s: '
        "context deadline exceeded"
    )
    return with_pod(healthy(), worker, event(worker, "Unhealthy", message))


def no_fresh_samples(*lines: str, newest_s: float = 400.0, **facts: object) -> Snapshot:
    """Return a snapshot in which Prometheus has only old samples, with lines of the collector's log."""
    snapshot, collector = healthy(), pod("otel-collector", "amd64")
    prometheus = snapshot.probes.prometheus
    assert prometheus is not None
    old = tuple(replace(sample, at=snapshot.taken_at - newest_s) for sample in prometheus.samples or ())
    probe = replace(prometheus, samples=old, **facts)  # type: ignore[arg-type]
    return with_log(with_probes(snapshot, prometheus=probe), collector, *lines)


def prometheus_not_asked(error: str, **facts: object) -> Snapshot:
    """Return a snapshot in which Prometheus gave the lab no samples."""
    probe = replace(PrometheusProbe(f"http://{HOST}:9090", reachable=True, error=error), **facts)  # type: ignore[arg-type]
    return with_probes(healthy(), prometheus=probe)


def registry_probed(**facts: object) -> Snapshot:
    """Return a snapshot with another probe of the registry."""
    return with_probes(healthy(), registries=(RegistryProbe(REGISTRY, **facts),))  # type: ignore[arg-type]


def workers_are_idle() -> Snapshot:
    """Return a snapshot in which both workers run and count nothing."""
    return with_probes(healthy(), ledger=LedgerProbe(51_200, 40_000, 11_200, still_s=16.2))


def worker_exports_nothing() -> Snapshot:
    """Return a snapshot in which one worker is configured to export nothing."""
    worker = pod()
    worker["spec"]["containers"][0]["env"].append({"name": "OTEL_METRICS_EXPORTER", "value": "none"})
    snapshot = with_pod(healthy(), worker)
    prometheus, name = snapshot.probes.prometheus, pod_name("process-worker", "arm64")
    assert prometheus is not None
    samples = tuple(sample for sample in prometheus.samples or () if sample.instance != name)
    return with_probes(snapshot, prometheus=replace(prometheus, samples=samples))


def build_fails(line: str) -> Snapshot:
    """Return a snapshot in which the last build of images failed."""
    return with_probes(healthy(), build_log=("#4 [internal] load metadata for base", line))
