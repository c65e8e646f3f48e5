"""One snapshot for every cause, in which that cause is all that is wrong."""

from dataclasses import dataclass
from typing import Final

from lab.snapshots.answers import ClockProbe
from lab.snapshots.snapshot import Snapshot
from tests.unit.diagnosis.builders import (
    HOST,
    NAMESPACE,
    REGISTRY,
    crashing,
    healthy,
    node_reports,
    pod,
    refused,
    with_limit_range,
    with_log,
    with_pod,
    with_probes,
)
from tests.unit.diagnosis.faulty import (
    REMOTE_WRITE_LOG,
    build_fails,
    digest_of_amd64,
    exec_format_error,
    forbidden,
    logging_exporter,
    name_error,
    namespace_terminating,
    no_fresh_samples,
    no_node_fits,
    probe_on_another_port,
    prometheus_not_asked,
    pull_fails,
    registry_probed,
    silent_architecture,
    store_probed,
    volume_pins_pod,
    worker_exports_nothing,
)

WORKER: Final = "Deployment/process-worker-arm64"
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


@dataclass(frozen=True, slots=True)
class Case:
    """The finding that is expected of a snapshot.

    Attributes:
        snapshot: The snapshot, in which one thing is wrong.
        object: The faulty object.
        found: A part of the evidence.
        do: A part of the remedy.
    """

    snapshot: Snapshot
    object: str
    found: str
    do: str


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
        node_reports("Ready", "Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status."),
        "Node/r3",
        "stopped posting",
        "ssh r3 'sudo systemctl restart kubelet'",
    ),
    "disk-pressure": Case(
        node_reports("DiskPressure", "True", "KubeletHasDiskPressure", "kubelet has disk pressure"),
        "Node/r3",
        "disk pressure",
        "crictl rmi --prune",
    ),
    "node-pressure": Case(
        node_reports(
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
        build_fails(
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
        registry_probed(reachable=None, error="no password"), f"Registry/{REGISTRY}", "no password", "config show"
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
        store_probed(reachable=False, error=f"Error 111 connecting to {HOST}:6379. Connection refused."),
        f"Redis/{HOST}:6379",
        "Connection refused",
        f"ssh {HOST} ",
    ),
    "redis-password": Case(
        store_probed(authenticated=False, error="WRONGPASS invalid username-password pair or user is disabled."),
        f"Redis/{HOST}:6379",
        "WRONGPASS",
        "read -rsp",
    ),
    "redis-not-asked": Case(
        store_probed(authenticated=None, error="certificate verify failed"), f"Redis/{HOST}:6379", "verify", "openssl"
    ),
    "redis-evicts": Case(
        store_probed(policy="allkeys-lru"), f"Redis/{HOST}:6379", "allkeys-lru", "maxmemory-policy noeviction"
    ),
    "redis-not-durable": Case(
        store_probed(durability="window"), f"Redis/{HOST}:6379", "window", "config set appendfsync always"
    ),
    "crash-at-start": Case(name_error(), WORKER, "services/telemetry/setup.py:31", "+31 services/telemetry/setup.py"),
    "probe-failing": Case(probe_on_another_port(), WORKER, "198.18.12.7:50051", '"value":8081'),
    "clock-skew": Case(
        with_probes(healthy(), clocks=(ClockProbe("r3", 2.4, 0.02),)), "Node/r3", "+2.400 s", "chronyc makestep"
    ),
    "prometheus-not-asked": Case(
        prometheus_not_asked("401: Unauthorized"),
        f"Prometheus/http://{HOST}:9090",
        "401",
        "read -rsp 'Authorization of",
    ),
    "prometheus-receives-nothing": Case(
        no_fresh_samples(
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
