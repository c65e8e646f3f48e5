"""Snapshots made by hand, to start from; a test changes what it is about.

Their shape and their texts are those of a real API server and kubelet 1.34, containerd 1.6 and collector 0.155.
"""

import copy
import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from lab.snapshots.probes import (
    ClockProbe,
    CollectorProbe,
    ImageProbe,
    LastSample,
    LedgerProbe,
    Platform,
    Probes,
    ProcessProbe,
    PrometheusProbe,
    RegistryProbe,
    StoreProbe,
)
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
    """A time so long before the look, as the API server writes it."""
    return datetime.fromtimestamp(TAKEN_AT - seconds, UTC).isoformat().replace("+00:00", "Z")


def digest(service: str, architecture: str = "index") -> str:
    """The digest of an image, or of a service's index."""
    return "sha256:" + hashlib.sha256(f"{service}/{architecture}".encode()).hexdigest()


def image(service: str, architecture: str = "index") -> str:
    """A reference that is pinned."""
    return f"{REGISTRY}/{service}@{digest(service, architecture)}"


def pod_name(service: str, architecture: str) -> str:
    """What a ReplicaSet calls its pod."""
    return f"{service}-{architecture}-{digest(service)[7:16]}-{digest(service, architecture)[7:12]}"


def node(architecture: str) -> Object:
    """A node that is well."""
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
    """What is asked for one container of a service."""
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
    """A pod that has been well for an hour; it died once, two hours ago."""
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


def changed(thing: Object, **status: Any) -> Object:
    """A pod whose only container has another status."""
    made = copy.deepcopy(thing)
    made["status"]["containerStatuses"][0] |= status
    return made


def respecified(thing: Object, **spec: Any) -> Object:
    """A pod whose only container is asked for otherwise."""
    made = copy.deepcopy(thing)
    made["spec"]["containers"][0] |= spec
    return made


def waiting(thing: Object, reason: str, message: str, *, for_s: float = 5.0) -> Object:
    """A pod whose container was never started."""
    made = changed(thing, ready=False, restartCount=0, imageID="", lastState={})
    made["metadata"]["creationTimestamp"] = ago(for_s)
    unready = {"type": "Ready", "status": "False", "reason": "ContainersNotReady"}
    said = {"message": f"containers with unready status: [{made['spec']['containers'][0]['name']}]"}
    made["status"] |= {"phase": "Pending", "conditions": [unready | said | {"lastTransitionTime": ago(for_s)}]}
    return changed(made, state={"waiting": {"reason": reason, "message": message}})


def crashing(thing: Object, *, exit_code: int = 1, reason: str = "Error") -> Object:
    """A pod whose container ends again and again."""
    name = thing["metadata"]["name"]
    said = f"back-off 1m20s restarting failed container={thing['spec']['containers'][0]['name']} pod={name}_{NAMESPACE}"
    return changed(
        thing,
        ready=False,
        restartCount=4,
        state={"waiting": {"reason": "CrashLoopBackOff", "message": said}},
        lastState={"terminated": {"exitCode": exit_code, "reason": reason, "finishedAt": ago(25)}},
    )


def unplaced(thing: Object, said: str, *, for_s: float = 90.0) -> Object:
    """A pod that the scheduler places nowhere."""
    made = copy.deepcopy(thing)
    del made["spec"]["nodeName"]
    said = f"{said} no new claims to deallocate, preemption: 0/2 nodes are available: 2 Preemption is not helpful."
    unschedulable = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": said}
    made["status"] = {"phase": "Pending", "conditions": [unschedulable | {"lastTransitionTime": ago(for_s)}]}
    return made


def event(about: Object, reason: str, message: str, *, seconds_ago: float = 30.0) -> Object:
    """Something a component noted about a pod."""
    return {
        "metadata": {"name": f"{about['metadata']['name']}.17", "creationTimestamp": ago(seconds_ago)},
        "involvedObject": {"kind": "Pod", "name": about["metadata"]["name"], "namespace": NAMESPACE},
        "type": "Warning",
        "reason": reason,
        "message": message,
        "lastTimestamp": ago(seconds_ago),
    }


def deployment(service: str, architecture: str) -> Object:
    """A Deployment whose rollout is through."""
    return {
        "metadata": {"name": f"{service}-{architecture}", "namespace": NAMESPACE},
        "spec": {"replicas": 1, "template": {"spec": {"containers": [container(service, architecture)]}}},
        "status": {
            "replicas": 1,
            "readyReplicas": 1,
            "conditions": [{"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"}],
        },
    }


def refused(snapshot: Snapshot, said: str, workload: str = "process-worker-arm64") -> Snapshot:
    """The API server does not let a Deployment make its pods."""
    made: list[Object] = [copy.deepcopy(dict(one)) for one in snapshot.objects.deployments]
    condition = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": said}
    for one in made:
        if one["metadata"]["name"] == workload:
            one["status"] = {"conditions": [condition | {"lastTransitionTime": ago(60)}], "unavailableReplicas": 1}
    pods = tuple(one for one in snapshot.objects.pods if not one["metadata"]["name"].startswith(workload))
    return with_objects(snapshot, deployments=tuple(made), pods=pods)


def healthy() -> Snapshot:
    """Four services and a collector on two architectures, an hour after they came up."""
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
    """A service's index with an image for each architecture."""
    platforms = tuple(Platform(one, digest(service, one), one) for one in NODES)
    return ImageProbe(
        f"{REGISTRY}/{service}:0.1.0",
        found=True,
        index_digest=digest(service),
        platforms=platforms,
        tags=("0.1.0", "0.0.9"),
    )


def with_objects(snapshot: Snapshot, **lists: Any) -> Snapshot:
    """Other objects."""
    return replace(snapshot, objects=replace(snapshot.objects, **lists))


def with_probes(snapshot: Snapshot, **probes: Any) -> Snapshot:
    """The lab saw something else."""
    return replace(snapshot, probes=replace(snapshot.probes, **probes))


def with_pod(snapshot: Snapshot, thing: Object, *events: Object) -> Snapshot:
    """One pod is another one, of the same name or new."""
    others = tuple(one for one in snapshot.objects.pods if one["metadata"]["name"] != thing["metadata"]["name"])
    return with_objects(snapshot, pods=(*others, thing), events=(*snapshot.objects.events, *events))


def with_log(snapshot: Snapshot, thing: Object, *lines: str, previous: bool = False) -> Snapshot:
    """A pod's container said something else."""
    name, said_by = thing["metadata"]["name"], thing["spec"]["containers"][0]["name"]
    others = tuple(one for one in snapshot.logs if one.pod != name)
    return replace(snapshot, logs=(*others, ContainerLog(name, said_by, lines, previous=previous)))


def bare(thing: Object, name: str) -> Object:
    """A pod that nothing made."""
    made = copy.deepcopy(thing)
    made["metadata"] |= {"name": name}
    del made["metadata"]["ownerReferences"]
    return made


def node_says(kind: str, status: str, reason: str, message: str) -> Snapshot:
    """The arm64 node has another condition."""
    other = node("arm64")
    for condition in other["status"]["conditions"]:
        if condition["type"] == kind:
            condition |= {"status": status, "reason": reason, "message": message, "lastTransitionTime": ago(120)}
    return with_objects(healthy(), nodes=(node("amd64"), other))


def with_limit_range(snapshot: Snapshot) -> Snapshot:
    """A namespace that limits its containers."""
    limits = [{"type": "Container", "max": {"memory": "64Mi"}}]
    return with_objects(snapshot, limit_ranges=({"metadata": {"name": "small-pods"}, "spec": {"limits": limits}},))
