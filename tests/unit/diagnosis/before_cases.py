"""Snapshots of a cluster before a deployment, to start from; a test changes what it is about."""

from typing import Any, Final

from lab.diagnosis.doctor import Check, examine
from lab.snapshots.answers import Probes, PrometheusProbe, StoreProbe
from lab.snapshots.choices import ImageSetting, LockProbe, SettingsProbe
from lab.snapshots.cluster import ClusterProbe
from lab.snapshots.images import ImageProbe, Platform, RegistryProbe
from lab.snapshots.snapshot import Objects, Snapshot
from tests.rendered.samples import image

FIRST: Final = image("ingest-api", "amd64")
DIGEST: Final = FIRST.partition("@")[2]
BOTH: Final = (Platform("arm64", "sha256:2"), Platform("amd64", DIGEST))
CLIENT: Final = "redis-cli -e -h h -p 6379"
STORE: Final = StoreProbe(
    "h:6379", reachable=True, authenticated=True, policy="noeviction", durability="durable", kind="valkey",
    version="9.1.2", speaks="7.2.4",
)  # fmt: skip
METRICS: Final = PrometheusProbe("http://h", reachable=True, receives=True, version="2.42.0")
CLUSTER: Final = ClusterProbe(
    "https://cluster", "me", "here", "v1.34.4", login="system:serviceaccount:n:me", namespace_is_ours=True
)
SETTINGS: Final = SettingsProbe(
    architectures=("amd64", "arm64"),
    registry="h:5000/lab",
    registry_is_plain=True,
    images=(ImageSetting("LAB_COLLECTOR_IMAGE", FIRST, is_pinned=True),),
    lock=LockProbe("h:5000/lab", "dev"),
    store="outside",
    redis_url="redis://h:6379/0",
    prometheus="outside",
    prometheus_url="http://h",
)


def node(name: str, architecture: str, *, ready: bool = True, taint: str = "", **labels: str) -> dict[str, Any]:
    """Return a node as the API has it; a taint is `key=value:effect`."""
    key, _, rest = taint.partition("=")
    value, _, effect = rest.partition(":")
    info = {"architecture": architecture, "kubeletVersion": "v1.34.4", "containerRuntimeVersion": "containerd://1.6"}
    return {
        "metadata": {"name": name, "labels": labels},
        "spec": {"taints": [{"key": key, "value": value, "effect": effect}]} if taint else {},
        "status": {"nodeInfo": info, "conditions": [{"type": "Ready", "status": "True" if ready else "False"}]},
    }


NODES: Final = (node("a", "amd64"), node("b", "arm64"))
NAMESPACE: Final = {"metadata": {"name": "n", "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}


def held(reference: str, architecture: str) -> ImageProbe:
    """Return what a registry tells of a pinned image that is for an architecture."""
    platform = Platform(architecture, reference.partition("@")[2], architecture)
    return ImageProbe(reference, found=True, platforms=(platform,))


def before(
    *, cluster: ClusterProbe = CLUSTER, nodes: Any = NODES, settings: SettingsProbe = SETTINGS, **probes: Any
) -> Snapshot:
    """Return a snapshot of a cluster that a stack can be deployed on, with some parts otherwise."""
    good: dict[str, Any] = {
        "registries": (RegistryProbe("h:5000", reachable=True, scheme="http"),),
        "images": (held(FIRST, "amd64"),),
        "store": STORE,
        "prometheus": METRICS,
    }
    return Snapshot(
        "n",
        taken_at=1e9,
        objects=Objects(namespace=NAMESPACE, nodes=tuple(nodes)),
        probes=Probes(**(good | probes)),
        moment="before",
        settings=settings,
        cluster=cluster,
    )


def check(name: str, snapshot: Snapshot) -> Check:
    """Return one check of a snapshot."""
    return next(each for each in examine(snapshot) if each.name == name)


def bad(snapshot: Snapshot) -> set[str]:
    """Return the checks that are not good; each of them has a step."""
    checks = [each for each in examine(snapshot) if not each.good]
    assert all(each.next_step and each.found for each in checks)
    return {each.name for each in checks}
