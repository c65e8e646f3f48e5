"""One snapshot for every cause, in which that cause is all that is wrong; made by hand, as those of `builders`."""

from dataclasses import dataclass, replace
from typing import Final

from lab.snapshots.probes import ClockProbe, Denial, LedgerProbe, ProcessProbe, PrometheusProbe, RegistryProbe
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
    node_says,
    pod,
    pod_name,
    refused,
    respecified,
    unplaced,
    waiting,
    with_limit_range,
    with_log,
    with_objects,
    with_pod,
    with_probes,
)

WORKER: Final = "Deployment/process-worker-arm64"
PULL: Final = "rpc error: code = Unknown desc = failed to pull and unpack image"
REMOTE_WRITE_LOG: Final = (
    "2026-11-25T02:48:45.816Z\terror\tprometheusremotewriteexporter@v0.155.0/exporter.go:492\t"
    'failed to send WriteRequest to remote endpoint\t{"resource": {"service.name": "otelcol-lab"}, '
    '"otelcol.component.id": "prometheus_remote_write", '
    '"status_code": %d, "endpoint": "http://198.18.0.1:9090/api/v1/write", "retry_attempt": 1, "error": "%s\\n"}'
)


@dataclass(frozen=True, slots=True)
class Case:
    """What is to be found in a snapshot.

    Attributes:
        snapshot: In which one thing is wrong.
        object: What has the fault.
        found: A part of the evidence.
        do: A part of the next step.
    """

    snapshot: Snapshot
    object: str
    found: str
    do: str


def forbidden() -> Snapshot:
    """A kubeconfig that may read, and not write."""
    denials = (
        Denial("patch", "deployments", NAMESPACE, group="apps", user="lab-user"),
        Denial("create", "deployments", NAMESPACE, group="apps", user="lab-user"),
        Denial("get", "pods/log", NAMESPACE, user="lab-user"),
    )
    return with_probes(healthy(), denials=denials)


def namespace_terminating() -> Snapshot:
    """A namespace that a finalizer of one ConfigMap holds."""
    held = {"metadata": {"name": "held", "finalizers": ["example.com/hold"], "deletionTimestamp": ago(280)}}
    said = "Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances"
    left = "Some resources are remaining: configmaps. has 1 resource instances"
    conditions = [
        {"type": "NamespaceDeletionDiscoveryFailure", "status": "False", "reason": "ResourcesDiscovered"},
        {"type": "NamespaceContentRemaining", "status": "True", "reason": "SomeResourcesRemain", "message": left},
        {"type": "NamespaceFinalizersRemaining", "status": "True", "reason": "SomeFinalizersRemain", "message": said},
    ]
    namespace = {
        "metadata": {"name": NAMESPACE, "deletionTimestamp": ago(300)},
        "status": {"phase": "Terminating", "conditions": conditions},
    }
    empty = with_objects(healthy(), namespace=namespace, pods=(), deployments=(), config_maps=(held,))
    return replace(empty, logs=())


def volume_pins_pod() -> Snapshot:
    """A claim on a volume of the amd64 node, in a pod that is meant for arm64."""
    said = (
        "0/2 nodes are available: 1 node(s) didn't match PersistentVolume's node affinity, "
        "1 node(s) didn't match Pod's node affinity/selector."
    )
    made = unplaced(pod(), said)
    made["spec"]["volumes"][0] = {"name": "cache", "persistentVolumeClaim": {"claimName": "sqlite-pvc"}}
    rule = {"key": "kubernetes.io/hostname", "operator": "In", "values": ["clus1"]}
    volume = {
        "metadata": {"name": "pv-clus1"},
        "spec": {"nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [rule]}]}}},
    }
    claim = {"metadata": {"name": "sqlite-pvc"}, "spec": {"volumeName": "pv-clus1"}}
    return with_objects(with_pod(healthy(), made), volumes=(volume,), volume_claims=(claim,))


def no_node_fits() -> Snapshot:
    """A label that no node has."""
    said = "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector."
    made = unplaced(pod(), said)
    made["spec"]["nodeSelector"] |= {"nodetype": "board"}
    return with_pod(healthy(), made)


def pull_fails(said: str, *, reference: str = "") -> Snapshot:
    """The worker's image cannot be pulled; the kubelet backs off, its event has the reason, too."""
    wanted = reference or image("process-worker", "arm64")
    whole = f'{PULL} "{wanted}": {said}'
    thing = respecified(pod(), image=wanted)
    backing_off = f'Back-off pulling image "{wanted}": ErrImagePull: {whole}'
    failed = event(thing, "Failed", f'Failed to pull image "{wanted}": {whole}')
    return with_pod(healthy(), waiting(thing, "ImagePullBackOff", backing_off), failed)


def digest_of_amd64() -> Snapshot:
    """The arm64 worker is pinned to the amd64 image, and about to start."""
    thing = respecified(pod(), image=image("process-worker", "amd64"))
    return with_pod(healthy(), waiting(thing, "ContainerCreating", ""))


def exec_format_error() -> Snapshot:
    """The index is pinned, and the node's runtime chose amd64 from it."""
    thing = respecified(pod(), image=image("process-worker"))
    made = crashing(changed(thing, imageID=image("process-worker")))
    return with_log(with_pod(healthy(), made), made, "exec /usr/bin/python3: exec format error", previous=True)


def silent_architecture() -> Snapshot:
    """The same, and the node emulates amd64."""
    made = changed(respecified(pod(), image=f"{REGISTRY}/process-worker:0.1.0"), imageID=image("process-worker"))
    here = with_pod(healthy(), made)
    others = [one for one in here.probes.processes if one.pod != made["metadata"]["name"]]
    name = made["metadata"]["name"]
    return with_probes(here, processes=(*others, ProcessProbe(name, name, "x86_64")))


def collector_says(configuration: str, *said: str) -> Snapshot:
    """The collector ends over its configuration."""
    thing = crashing(pod("otel-collector", "amd64"))
    config = {"metadata": {"name": "otel-collector"}, "data": {"config.yaml": configuration}}
    return with_log(with_objects(with_pod(healthy(), thing), config_maps=(config,)), thing, *said, previous=True)


def logging_exporter() -> Snapshot:
    """The exporter that was removed."""
    return collector_says(
        COLLECTOR_YAML.replace("debug", "logging"),
        "Error: failed to get config: cannot unmarshal the configuration: decoding failed due to the following",
        "",
        "'exporters' the logging exporter has been deprecated, use the debug exporter instead",
    )


def name_error() -> Snapshot:
    """The fault that every service of the first project had."""
    made = crashing(pod())
    return with_log(
        with_pod(healthy(), made),
        made,
        "Traceback (most recent call last):",
        '  File "<frozen runpy>", line 198, in _run_module_as_main',
        '  File "/app/services/process_worker/__main__.py", line 12, in <module>',
        "    from services.telemetry.setup import set_up",
        '  File "/app/services/telemetry/setup.py", line 31, in <module>',
        "    STARTED = time.time()",
        "              ^^^^",
        "NameError: name 'time' is not defined. Did you forget to import 'time'?",
    )


def store_says(**facts: object) -> Snapshot:
    """The lab saw another store."""
    store = healthy().probes.store
    assert store is not None
    return with_probes(healthy(), store=replace(store, **facts))  # type: ignore[arg-type]


def probe_on_another_port() -> Snapshot:
    """The kubelet asks a port where nobody listens."""
    probe = {"grpc": {"port": 50051, "service": ""}, "timeoutSeconds": 1}
    made = changed(respecified(pod(), readinessProbe=probe), ready=False, lastState={}, restartCount=0)
    said = (
        'Readiness probe failed: timeout: failed to connect service "198.18.12.7:50051" within 1s: '
        "context deadline exceeded"
    )
    return with_pod(healthy(), made, event(made, "Unhealthy", said))


def prometheus_says(*said: str, newest_s: float = 400.0, **facts: object) -> Snapshot:
    """Prometheus has nothing new, and the collector says why."""
    here, thing = healthy(), pod("otel-collector", "amd64")
    prometheus = here.probes.prometheus
    assert prometheus is not None
    old = tuple(replace(one, at=here.taken_at - newest_s) for one in prometheus.samples or ())
    probe = replace(prometheus, samples=old, **facts)  # type: ignore[arg-type]
    return with_log(with_probes(here, prometheus=probe), thing, *said)


def not_asked(error: str, **facts: object) -> Snapshot:
    """Prometheus gives the lab no samples."""
    probe = replace(PrometheusProbe(f"http://{HOST}:9090", reachable=True, error=error), **facts)  # type: ignore[arg-type]
    return with_probes(healthy(), prometheus=probe)


def registry_says(**facts: object) -> Snapshot:
    """The lab saw another registry."""
    return with_probes(healthy(), registries=(RegistryProbe(REGISTRY, **facts),))  # type: ignore[arg-type]


def worker_sleeps() -> Snapshot:
    """Both workers run, and neither counts anything."""
    return with_probes(healthy(), ledger=LedgerProbe(51_200, 40_000, 11_200, still_s=16.2))


def worker_exports_nothing() -> Snapshot:
    """One worker was told to export nothing."""
    thing = pod()
    thing["spec"]["containers"][0]["env"].append({"name": "OTEL_METRICS_EXPORTER", "value": "none"})
    here = with_pod(healthy(), thing)
    prometheus, name = here.probes.prometheus, pod_name("process-worker", "arm64")
    assert prometheus is not None
    kept = tuple(one for one in prometheus.samples or () if one.instance != name)
    return with_probes(here, prometheus=replace(prometheus, samples=kept))


def build_says(line: str) -> Snapshot:
    """The last build of images failed."""
    return with_probes(healthy(), build_log=("#4 [internal] load metadata for base", line))


HTTP: Final = f'failed to do request: Head "https://{REGISTRY}/v2/process-worker/manifests/1": http: server gave HTTP'
POD: Final = 'pods "process-worker-arm64-5d9c7b8f6-x2x7k" is forbidden: '
RESTRICTED: Final = (
    'violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false (container "process-worker" must set '
    'securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container "process-worker" must set '
    'securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or container "process-worker" must set '
    'securityContext.runAsNonRoot=true), seccompProfile (pod or container "process-worker" must set '
    'securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")'
)
QUOTA: Final = (
    "exceeded quota: small, requested: requests.memory=128Mi, used: requests.memory=640Mi, "
    "limited: requests.memory=700Mi"
)
LOOKUP: Final = (
    '{"level": "ERROR", "message": "redis store.example:6379: Error -3 connecting to store.example:6379. '
    'Temporary failure in name resolution."}'
)

CASES: Final[dict[str, Case]] = {
    "forbidden": Case(
        forbidden(),
        "User/lab-user",
        "patch deployments",
        "lab rbac print --no-faults --namespace testbed --user lab-user | kubectl apply -f -",
    ),
    "namespace-terminating": Case(
        namespace_terminating(), f"Namespace/{NAMESPACE}", "example.com/hold", "patch configmap/held"
    ),
    "node-not-ready": Case(
        node_says("Ready", "Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status."),
        "Node/r3",
        "stopped posting",
        "ssh r3 'sudo systemctl restart kubelet'",
    ),
    "disk-pressure": Case(
        node_says("DiskPressure", "True", "KubeletHasDiskPressure", "kubelet has disk pressure"),
        "Node/r3",
        "disk pressure",
        "crictl rmi --prune",
    ),
    "node-pressure": Case(
        node_says(
            "MemoryPressure", "True", "KubeletHasInsufficientMemory", "kubelet has insufficient memory available"
        ),
        "Node/r3",
        "insufficient memory",
        "ssh r3 'ps -eo rss",
    ),
    "pod-security": Case(refused(healthy(), POD + RESTRICTED), WORKER, "restricted", '"runAsNonRoot":true'),
    "quota-exceeded": Case(refused(healthy(), POD + QUOTA), "ResourceQuota/small", "exceeded", '"768Mi"'),
    "limit-range": Case(
        with_limit_range(refused(healthy(), POD + "maximum memory usage per Container is 64Mi, but limit is 128Mi")),
        "LimitRange/small-pods",
        "64Mi",
        "--limits=memory=64Mi --requests=memory=64Mi",
    ),
    "volume-pins-pod": Case(volume_pins_pod(), WORKER, "pv-clus1 of claim sqlite-pvc is on clus1", '"emptyDir"'),
    "no-node-fits": Case(no_node_fits(), WORKER, "0/2 nodes", "kubectl label node r3 --overwrite nodetype=board"),
    "builder-plain-http": Case(
        build_says(
            f"ERROR: failed to resolve source metadata for {REGISTRY}/python-base:3.11: failed to do request: "
            f'Head "https://{REGISTRY}/v2/python-base/manifests/3.11": http: server gave HTTP response to HTTPS client'
        ),
        f"Registry/{REGISTRY}",
        "failed to resolve source metadata",
        "buildkitd.toml",
    ),
    "registry-unreachable": Case(
        pull_fails(
            f'failed to do request: Head "https://{REGISTRY}/v2/process-worker/manifests/1": dial tcp {REGISTRY}: '
            "connect: no route to host"
        ),
        f"Registry/{REGISTRY}",
        "no route to host",
        f"ssh {HOST} ",
    ),
    "registry-not-asked": Case(
        registry_says(reachable=None, error="no password"), f"Registry/{REGISTRY}", "no password", "config show"
    ),
    "registry-plain-http": Case(
        pull_fails(f"{HTTP} response to HTTPS client"), "Node/r3", "HTTP response to HTTPS client", "hosts.toml"
    ),
    "registry-needs-login": Case(
        pull_fails("failed to authorize: failed to fetch anonymous token: unexpected status: 401 Unauthorized"),
        WORKER,
        "401 Unauthorized",
        "serviceaccount/process-worker",
    ),
    "digest-not-of-architecture": Case(digest_of_amd64(), WORKER, "holds amd64", "lab images resolve && lab up"),
    "image-not-there": Case(
        pull_fails(f"{REGISTRY}/process-worker:0.2.0: not found", reference=f"{REGISTRY}/process-worker:0.2.0"),
        WORKER,
        "not found",
        "lab images build && lab up",
    ),
    "wrong-architecture": Case(exec_format_error(), WORKER, "exec format error", "lab images resolve && lab up"),
    "wrong-architecture-silent": Case(silent_architecture(), WORKER, "the process says x86_64", "lab images resolve"),
    "collector-configuration": Case(
        logging_exporter(),
        "Deployment/otel-collector-amd64",
        "otel-collector, config.yaml:6",
        "/debug/",
    ),
    "oom-kill": Case(
        with_pod(healthy(), crashing(pod(), exit_code=137, reason="OOMKilled")),
        WORKER,
        "128Mi",
        "--limits=memory=256Mi --requests=memory=256Mi",
    ),
    "dns-failing": Case(
        with_log(with_pod(healthy(), crashing(pod(), exit_code=69)), pod(), LOOKUP),
        "Deployment/coredns",
        "Temporary failure",
        "rollout restart deployment/coredns",
    ),
    "redis-unreachable": Case(
        store_says(reachable=False, error=f"Error 111 connecting to {HOST}:6379. Connection refused."),
        f"Redis/{HOST}:6379",
        "Connection refused",
        f"ssh {HOST} ",
    ),
    "redis-password": Case(
        store_says(authenticated=False, error="WRONGPASS invalid username-password pair or user is disabled."),
        f"Redis/{HOST}:6379",
        "WRONGPASS",
        "read -rsp",
    ),
    "redis-not-asked": Case(
        store_says(authenticated=None, error="certificate verify failed"), f"Redis/{HOST}:6379", "verify", "openssl"
    ),
    "redis-evicts": Case(
        store_says(policy="allkeys-lru"), f"Redis/{HOST}:6379", "allkeys-lru", "maxmemory-policy noeviction"
    ),
    "redis-not-durable": Case(
        store_says(durability="window"), f"Redis/{HOST}:6379", "window", "config set appendfsync always"
    ),
    "crash-at-start": Case(name_error(), WORKER, "services/telemetry/setup.py:31", "+31 services/telemetry/setup.py"),
    "probe-failing": Case(probe_on_another_port(), WORKER, "198.18.12.7:50051", '"value":8081'),
    "clock-skew": Case(
        with_probes(healthy(), clocks=(ClockProbe("r3", 2.4, 0.02),)), "Node/r3", "+2.400 s", "chronyc makestep"
    ),
    "prometheus-not-asked": Case(
        not_asked("401: Unauthorized"), f"Prometheus/http://{HOST}:9090", "401", "read -rsp 'Authorization of"
    ),
    "prometheus-receives-nothing": Case(
        prometheus_says(
            REMOTE_WRITE_LOG
            % (404, "remote write receiver needs to be enabled with --enable-feature=remote-write-receiver"),
            receives=False,
        ),
        f"Prometheus/http://{HOST}:9090",
        "needs to be enabled",
        "--web.enable-remote-write-receiver",
    ),
    "running-no-metrics": Case(
        worker_exports_nothing(), WORKER, "worker_events_processed_total", "OTEL_METRICS_EXPORTER-"
    ),
}
"""Cause → its case, one for every rule."""
