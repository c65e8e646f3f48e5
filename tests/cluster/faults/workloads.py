"""Faults of pods: they cannot be placed, crash, or are refused."""

from typing import Any, Final

from tests.cluster.faults.case import RigFault
from tests.cluster.faults.place import APP, Place, config_map

WORKLOAD: Final = f"Deployment/{APP}"
PAUSE: Final[dict[str, Any]] = {"args": ["pause"]}
LIMITED: Final[dict[str, Any]] = {"resources": {"limits": {"memory": "128Mi"}, "requests": {"memory": "16Mi"}}}
LOCAL: Final = "rig-local"
COLLECTOR_YAML: Final = """receivers:
  otlp:
    protocols:
      grpc: {endpoint: "0.0.0.0:4317"}
extensions:
  health_check: {endpoint: "0.0.0.0:13133"}
exporters:
  logging:
    loglevel: info
service:
  extensions: [health_check]
  pipelines:
    metrics: {receivers: [otlp], exporters: [logging]}
"""


def pinned_by_a_volume(place: Place) -> None:
    """A pod for arm64 has a local volume of the node clus1."""
    rule = {"key": "kubernetes.io/hostname", "operator": "In", "values": ["clus1"]}
    volume = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": place.namespace},
        "spec": {
            "capacity": {"storage": "10Mi"},
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": place.namespace,
            "local": {"path": str(place.folder)},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [rule]}]}},
        },
    }
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "cache"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": place.namespace,
            "resources": {"requests": {"storage": "10Mi"}},
        },
    }
    place.kubectl.apply(volume)
    place.until.callback(place.kubectl, "delete", "persistentvolume", place.namespace, "--wait=false")
    pod = {"volumes": [{"name": "cache", "persistentVolumeClaim": {"claimName": "cache"}}]}
    mounts = [{"name": "cache", "mountPath": "/cache"}]
    place.apply(claim)
    place.deploy(place.common.probe.pinned("arm64"), architecture="arm64", pod=pod, volumeMounts=mounts, args=["pause"])


def no_such_label(place: Place) -> None:
    """The pod selects a label that no node has."""
    label = f"rig/{place.namespace}"
    place.until.callback(place.kubectl, "label", "node", "--all", f"{label}-")
    place.deploy(
        place.common.probe.pinned("amd64"), pod={"nodeSelector": {"kubernetes.io/arch": "amd64", label: "vm"}}, **PAUSE
    )


def too_much_memory(place: Place) -> None:
    """The pod requests more memory than any node has."""
    place.deploy(place.common.probe.pinned("amd64"), resources={"requests": {"memory": "900Gi"}}, **PAUSE)


def removed_exporter(place: Place) -> None:
    """The collector's configuration names an exporter that was removed."""
    probe = {"httpGet": {"path": "/", "port": 13133}, "periodSeconds": 1}
    place.apply(config_map("otel-collector", config_yaml=COLLECTOR_YAML))
    place.deploy(
        place.common.collector,
        name="otel-collector",
        pod={"volumes": [{"name": "config", "configMap": {"name": "otel-collector"}}]},
        labels={"app.kubernetes.io/name": "otel-collector"},
        args=["--config=/etc/otelcol/config.yaml"],
        volumeMounts=[{"name": "config", "mountPath": "/etc/otelcol"}],
        readinessProbe=probe,
    )


def name_error(place: Place) -> None:
    """A revision exits at once, after a revision that worked."""
    # Without a probe it would be ready until it exits, and would replace the revision that works.
    probe = {"exec": {"command": ["python3", "-c", ""]}, "initialDelaySeconds": 3}
    place.deploy(place.common.python, readinessProbe=probe, **_python("import signal\nsignal.pause()"))
    place.kubectl.wait("condition=Available", f"--namespace={place.namespace}", f"deployment/{APP}")
    place.deploy(place.common.python, readinessProbe=probe, **_python("import time\nprint(settings)"))


def out_of_memory(place: Place) -> None:
    """The program needs a little more memory than its limit."""
    program = "import signal\nkept = bytearray(48 << 20)\nsignal.pause()"
    small = {"limits": {"memory": "32Mi"}, "requests": {"memory": "32Mi"}}
    place.deploy(place.common.python, resources=small, **_python(program))


def wrong_probe(place: Place) -> None:
    """The probe uses a port on which nothing listens."""
    place.deploy(
        place.common.probe.pinned("amd64"),
        args=["serve", ":8080"],
        env=[{"name": "LAB_HEALTH_BIND", "value": "0.0.0.0:8080"}],
        readinessProbe={"httpGet": {"path": "/", "port": 8081}, "periodSeconds": 1},
    )


def small_quota(place: Place) -> None:
    """Two pods are wanted, and one is allowed."""
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "few"},
        "spec": {"hard": {"pods": "1"}},
    }
    place.apply(quota)
    place.deploy(place.common.probe.pinned("amd64"), replicas=2, **PAUSE)


def small_limits(place: Place) -> None:
    """A container may have half of the memory in its limit."""
    limits = {
        "apiVersion": "v1",
        "kind": "LimitRange",
        "metadata": {"name": "small"},
        "spec": {"limits": [{"type": "Container", "max": {"memory": "64Mi"}}]},
    }
    place.apply(limits)
    place.deploy(place.common.probe.pinned("amd64"), **LIMITED, **PAUSE)


def loose_pod(place: Place) -> None:
    """A pod asks for more privileges than the namespace allows."""
    place.deploy(place.common.probe.pinned("amd64"), securityContext={}, **PAUSE)


def held_namespace(place: Place) -> None:
    """A namespace was deleted, and a ConfigMap in it has a finalizer."""
    held = config_map("held", a="b")
    held["metadata"]["finalizers"] = ["example.com/hold"]
    place.apply(held)
    # The lab's rights in a namespace are deleted before the namespace.
    place.settings["kubeconfig"] = place.common.rig.kubeconfig
    place.kubectl("delete", "namespace", place.namespace, "--wait=false")


FAULTS: Final = {
    "volume-pins-pod": RigFault("volume-pins-pod", WORKLOAD, "node affinity", pinned_by_a_volume),
    "no-node-fits": RigFault("no-node-fits", WORKLOAD, "didn't match Pod's node affinity/selector", no_such_label),
    "no-node-fits-memory": RigFault("no-node-fits", WORKLOAD, "Insufficient memory", too_much_memory),
    "collector-configuration": RigFault(
        "collector-configuration", "Deployment/otel-collector", "otel-collector, config.yaml:8", removed_exporter
    ),
    "crash-at-start": RigFault("crash-at-start", WORKLOAD, "NameError: name 'settings' is not defined", name_error),
    "oom-kill": RigFault("oom-kill", WORKLOAD, "OOMKilled", out_of_memory),
    "probe-failing": RigFault("probe-failing", WORKLOAD, "connection refused", wrong_probe),
    "quota-exceeded": RigFault("quota-exceeded", "ResourceQuota/few", "exceeded quota: few", small_quota),
    "limit-range": RigFault(
        "limit-range", "LimitRange/small", "maximum memory usage per Container is 64Mi", small_limits
    ),
    "pod-security": RigFault("pod-security", WORKLOAD, 'violates PodSecurity "restricted', loose_pod),
    "namespace-terminating": RigFault(
        "namespace-terminating", "Namespace/{namespace}", "example.com/hold", held_namespace, seconds=150.0
    ),
}


def _python(program: str) -> dict[str, Any]:
    """Return the command of a container that runs a program."""
    return {"command": ["python3", "-c", program]}
