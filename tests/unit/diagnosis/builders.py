"""Builds snapshots by hand; a test changes what it is about.

Their shape and their texts are those of a real API server and kubelet 1.34, containerd 1.6 and collector 0.155.
"""

import copy
import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from lab.snapshots.answers import (
    ClockProbe,
    CollectorProbe,
    LastSample,
    LedgerProbe,
    Probes,
    ProcessProbe,
    PrometheusProbe,
    StoreProbe,
)
from lab.snapshots.images import ImageProbe, Platform, RegistryProbe
from lab.snapshots.kubernetes import Raw
from lab.snapshots.snapshot import ContainerLog, Objects, Snapshot, Wanted
from services.contracts.signals import PROMISED

Object = dict[str, Any]
NAMESPACE: Final = "testbed"
HOST: Final = "198.18.0.1"
REGISTRY: Final = f"{HOST}:5000"
TAKEN_AT: Final = 1_795_000_000.0
NODES: Final = {"amd64": "clus1", "arm64": "r3"}
MACHINES: Final = {"amd64": "x86_64", "arm64": "aarch64"}
PLACES: Final = (
    ("ingest-api", "amd64"), ("process-worker", "amd64"), ("process-worker", "arm64"), ("query-api", "amd64"),
    ("simulator", "amd64"), ("otel-collector", "amd64"),
)  # fmt: skip
COLLECTOR_YAML: Final = """receivers:
  otlp: {protocols: {grpc: {endpoint: "0.0.0.0:4317"}}}
processors:
  batch: {}
exporters:
  debug: {}
  prometheus_remote_write:
    endpoint: http://198.18.0.1:9090/api/v1/write
service:
  pipelines:
    metrics: {receivers: [otlp], processors: [batch], exporters: [prometheus_remote_write, debug]}
"""


def ago(seconds: float) -> str:
    """Return a time so many seconds before the snapshot, as the API server writes it."""
    return datetime.fromtimestamp(TAKEN_AT - seconds, UTC).isoformat().replace("+00:00", "Z")


def digest(service: str, architecture: str = "index") -> str:
    """Return the digest of an image, or of a service's index."""
    return "sha256:" + hashlib.sha256(f"{service}/{architecture}".encode()).hexdigest()


def image(service: str, architecture: str = "index") -> str:
    """Return a pinned reference."""
    return f"{REGISTRY}/{service}@{digest(service, architecture)}"


def pod_name(service: str, architecture: str) -> str:
    """Return the name that a ReplicaSet gives its pod."""
    return f"{service}-{architecture}-{digest(service)[7:16]}-{digest(service, architecture)[7:12]}"


def node(architecture: str) -> Object:
    """Return a healthy node."""
    name = NODES[architecture]
    healthy = {"lastTransitionTime": ago(9_000), "lastHeartbeatTime": ago(5)}
    return {
        "metadata": {"name": name, "labels": {"kubernetes.io/arch": architecture, "kubernetes.io/hostname": name}},
        "spec": {"podCIDR": "198.18.11.0/24"},
        "status": {
            "allocatable": {"cpu": "2", "memory": "4038616Ki", "pods": "110"},
            "conditions": [
                {"type": "MemoryPressure", "status": "False", "reason": "KubeletHasSufficientMemory", **healthy},
                {"type": "DiskPressure", "status": "False", "reason": "KubeletHasNoDiskPressure", **healthy},
                {"type": "Ready", "status": "True", "reason": "KubeletReady", **healthy},
            ],
            "nodeInfo": {
                "architecture": architecture,
                "kubeletVersion": "v1.34.4",
                "containerRuntimeVersion": "containerd://1.6.20",
            },
        },
    }


def container(service: str, architecture: str) -> Object:
    """Return the specification of a service's container."""
    return {
        "name": service,
        "image": image(service, architecture),
        "env": [
            {"name": "LAB_HEALTH_BIND", "value": "0.0.0.0:8081"},
            {"name": "LAB_REDIS_URL", "value": f"redis://{HOST}:6379/0"},
            {"name": "LAB_REDIS_PASSWORD_FILE", "value": "/run/secrets/redis/password"},
            {"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": "http://otel-collector:4317"},
        ],
        "readinessProbe": {"grpc": {"port": 8081, "service": ""}, "timeoutSeconds": 1, "periodSeconds": 5},
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "128Mi"}},
        "volumeMounts": [{"name": "redis", "mountPath": "/run/secrets/redis", "readOnly": True}],
    }


def pod(service: str = "process-worker", architecture: str = "arm64") -> Object:
    """Return a pod that has been healthy for an hour. Its container died once, two hours ago."""
    history = {"terminated": {"exitCode": 137, "reason": "OOMKilled", "finishedAt": ago(7_200)}}
    replica_set = f"{service}-{architecture}-{digest(service)[7:16]}"
    return {
        "metadata": {
            "name": pod_name(service, architecture),
            "namespace": NAMESPACE,
            "labels": {"app.kubernetes.io/name": service, "kubernetes.io/arch": architecture},
            "creationTimestamp": ago(7_300),
            "ownerReferences": [{"kind": "ReplicaSet", "name": replica_set, "controller": True}],
        },
        "spec": {
            "nodeName": NODES[architecture],
            "nodeSelector": {"kubernetes.io/arch": architecture},
            "serviceAccountName": service,
            "containers": [container(service, architecture)],
            "volumes": [
                {"name": "cache", "emptyDir": {"sizeLimit": "256Mi"}},
                {"name": "redis", "secret": {"secretName": "lab-redis"}},
            ],
        },
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": ago(3_600)}],
            "containerStatuses": [
                {
                    "name": service,
                    "image": image(service, architecture),
                    "imageID": image(service, architecture),
                    "ready": True,
                    "restartCount": 1,
                    "state": {"running": {"startedAt": ago(3_600)}},
                    "lastState": history,
                }
            ],
        },
    }


def changed(original: Object, **status: Any) -> Object:
    """Return a pod whose only container has another status."""
    result = copy.deepcopy(original)
    result["status"]["containerStatuses"][0] |= status
    return result


def respecified(original: Object, **spec: Any) -> Object:
    """Return a pod whose only container has another specification."""
    result = copy.deepcopy(original)
    result["spec"]["containers"][0] |= spec
    return result


def waiting(original: Object, reason: str, message: str, *, for_s: float = 5.0) -> Object:
    """Return a pod whose container was never started."""
    result = changed(original, ready=False, restartCount=0, imageID="", lastState={})
    result["metadata"]["creationTimestamp"] = ago(for_s)
    unready = {
        "type": "Ready",
        "status": "False",
        "reason": "ContainersNotReady",
        "message": f"containers with unready status: [{result['spec']['containers'][0]['name']}]",
        "lastTransitionTime": ago(for_s),
    }
    result["status"] |= {"phase": "Pending", "conditions": [unready]}
    return changed(result, state={"waiting": {"reason": reason, "message": message}})


def crashing(original: Object, *, exit_code: int = 1, reason: str = "Error") -> Object:
    """Return a pod whose container ends again and again."""
    name, service = original["metadata"]["name"], original["spec"]["containers"][0]["name"]
    message = f"back-off 1m20s restarting failed container={service} pod={name}_{NAMESPACE}"
    return changed(
        original,
        ready=False,
        restartCount=4,
        state={"waiting": {"reason": "CrashLoopBackOff", "message": message}},
        lastState={"terminated": {"exitCode": exit_code, "reason": reason, "finishedAt": ago(25)}},
    )


def unplaced(original: Object, reason: str, *, for_s: float = 90.0) -> Object:
    """Return a pod that the scheduler cannot place."""
    result = copy.deepcopy(original)
    del result["spec"]["nodeName"]
    message = f"{reason} no new claims to deallocate, preemption: 0/2 nodes are available: 2 Preemption is not helpful."
    unschedulable = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    result["status"] = {"phase": "Pending", "conditions": [unschedulable | {"lastTransitionTime": ago(for_s)}]}
    return result


def event(about: Object, reason: str, message: str, *, seconds_ago: float = 30.0) -> Object:
    """Return an event about a pod."""
    return {
        "metadata": {"name": f"{about['metadata']['name']}.17", "creationTimestamp": ago(seconds_ago)},
        "involvedObject": {"kind": "Pod", "name": about["metadata"]["name"], "namespace": NAMESPACE},
        "type": "Warning",
        "reason": reason,
        "message": message,
        "lastTimestamp": ago(seconds_ago),
    }


def deployment(service: str, architecture: str) -> Object:
    """Return a Deployment that is rolled out."""
    return {
        "metadata": {"name": f"{service}-{architecture}", "namespace": NAMESPACE},
        "spec": {"replicas": 1, "template": {"spec": {"containers": [container(service, architecture)]}}},
        "status": {
            "replicas": 1,
            "readyReplicas": 1,
            "conditions": [{"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"}],
        },
    }


def deployments_of(snapshot: Snapshot) -> tuple[Object, ...]:
    """Return copies of a snapshot's Deployments, to be changed."""
    return tuple(copy.deepcopy(dict(original)) for original in snapshot.objects.deployments)


def replica_set(name: str, revision: int, **status: Any) -> Object:
    """Return a ReplicaSet of a revision."""
    annotations = {"deployment.kubernetes.io/revision": str(revision)}
    return {"metadata": {"name": name, "annotations": annotations}, "status": status}


def owner_of(owned: Object) -> str:
    """Return the name of a pod's ReplicaSet."""
    return str(owned["metadata"]["ownerReferences"][0]["name"])


def refused(snapshot: Snapshot, message: str, workload: str = "process-worker-arm64") -> Snapshot:
    """Return a snapshot in which the API server does not let a Deployment create its pods."""
    deployments = deployments_of(snapshot)
    failure = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message}
    for each in deployments:
        if each["metadata"]["name"] == workload:
            each["status"] = {"conditions": [failure | {"lastTransitionTime": ago(60)}], "unavailableReplicas": 1}
    return with_objects(snapshot, deployments=deployments, pods=pods_without(snapshot, workload))


def pods_without(snapshot: Snapshot, prefix: str) -> tuple[Raw, ...]:
    """Return the pods whose name does not begin with a prefix."""
    return tuple(raw for raw in snapshot.objects.pods if not raw["metadata"]["name"].startswith(prefix))


def healthy() -> Snapshot:
    """Return four services and a collector on two architectures, an hour after their start."""
    samples = [
        LastSample(PROMISED[service].prometheus_name, pod_name(service, architecture), TAKEN_AT - 4)
        for service, architecture in PLACES
        if service in PROMISED
    ]
    return Snapshot(
        namespace=NAMESPACE,
        taken_at=TAKEN_AT,
        lab_version="0.1.0",
        objects=Objects(
            namespace={"metadata": {"name": NAMESPACE}, "status": {"phase": "Active"}},
            nodes=(node("amd64"), node("arm64")),
            pods=tuple(pod(*place) for place in PLACES),
            deployments=tuple(deployment(*place) for place in PLACES),
            config_maps=({"metadata": {"name": "otel-collector"}, "data": {"config.yaml": COLLECTOR_YAML}},),
        ),
        logs=tuple(
            ContainerLog(pod_name(*place), place[0], ('{"level": "INFO", "message": "serving on 0.0.0.0:8080"}',))
            for place in PLACES
        ),
        probes=Probes(
            registries=(RegistryProbe(REGISTRY, reachable=True, scheme="http"),),
            images=tuple(image_probe(service) for service in sorted({place[0] for place in PLACES})),
            store=StoreProbe(
                f"{HOST}:6379", reachable=True, authenticated=True, policy="noeviction", durability="durable"
            ),
            prometheus=PrometheusProbe(f"http://{HOST}:9090", reachable=True, receives=True, samples=tuple(samples)),
            collector=CollectorProbe(received=120_000, sent=120_000, failed=0),
            ledger=LedgerProbe(51_200, 51_100, 100),
            processes=tuple(
                ProcessProbe(pod_name(*place), pod_name(*place), MACHINES[place[1]])
                for place in PLACES
                if place[0] in PROMISED
            ),
            clocks=(ClockProbe("clus1", 0.002, 0.004), ClockProbe("r3", -0.03, 0.02)),
        ),
        wanted=tuple(
            Wanted(service, architecture, image(service, architecture), NAMESPACE) for service, architecture in PLACES
        ),
    )


def image_probe(service: str) -> ImageProbe:
    """Return a service's index with an image for each architecture."""
    platforms = tuple(Platform(architecture, digest(service, architecture), architecture) for architecture in NODES)
    return ImageProbe(
        f"{REGISTRY}/{service}:0.1.0",
        found=True,
        index_digest=digest(service),
        platforms=platforms,
        tags=("0.1.0", "0.0.9"),
    )


def with_objects(snapshot: Snapshot, **lists: Any) -> Snapshot:
    """Return a snapshot with other objects."""
    return replace(snapshot, objects=replace(snapshot.objects, **lists))


def with_probes(snapshot: Snapshot, **probes: Any) -> Snapshot:
    """Return a snapshot with other probes."""
    return replace(snapshot, probes=replace(snapshot.probes, **probes))


def with_pod(snapshot: Snapshot, added: Object, *events: Object) -> Snapshot:
    """Return a snapshot with a pod that is new, or replaces the one of its name; and with events."""
    others = tuple(raw for raw in snapshot.objects.pods if raw["metadata"]["name"] != added["metadata"]["name"])
    return with_objects(snapshot, pods=(*others, added), events=(*snapshot.objects.events, *events))


def with_log(snapshot: Snapshot, logging: Object, *lines: str, previous: bool = False) -> Snapshot:
    """Return a snapshot in which a pod's container logged other lines."""
    name, service = logging["metadata"]["name"], logging["spec"]["containers"][0]["name"]
    others = tuple(log for log in snapshot.logs if log.pod != name)
    return replace(snapshot, logs=(*others, ContainerLog(name, service, lines, previous=previous)))


def bare(original: Object, name: str) -> Object:
    """Return a pod without a workload."""
    result = copy.deepcopy(original)
    result["metadata"] |= {"name": name}
    del result["metadata"]["ownerReferences"]
    return result


def node_reports(kind: str, status: str, reason: str, message: str) -> Snapshot:
    """Return a snapshot in which the arm64 node has another condition."""
    board = node("arm64")
    for condition in board["status"]["conditions"]:
        if condition["type"] == kind:
            condition |= {"status": status, "reason": reason, "message": message, "lastTransitionTime": ago(120)}
    return with_objects(healthy(), nodes=(node("amd64"), board))


def with_limit_range(snapshot: Snapshot) -> Snapshot:
    """Return a snapshot of a namespace that limits its containers."""
    limits = [{"type": "Container", "max": {"memory": "64Mi"}}]
    return with_objects(snapshot, limit_ranges=({"metadata": {"name": "small-pods"}, "spec": {"limits": limits}},))
