"""Kubernetes objects as rules read them: thin views over what the API server returned."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from lab.snapshots.quantities import quantity

Raw = Mapping[str, Any]
"""An object as JSON, camelCase."""
NAME: Final = "app.kubernetes.io/name"
ARCH: Final = "kubernetes.io/arch"
STACK: Final = "lab.observability/stack"
"""Label of everything that the lab applied."""
OWN: Final = "node.kubernetes.io/"
"""Taints of this prefix follow from a condition of the node, which is found by itself."""
REVISION: Final = "deployment.kubernetes.io/revision"


class Condition(NamedTuple):
    """One line of an object's conditions; empty where it has none of that type."""

    status: str = ""
    reason: str = ""
    message: str = ""
    since: str = ""


class Waiting(NamedTuple):
    """Why a container does not run yet; empty when it does."""

    reason: str = ""
    message: str = ""


class Ended(NamedTuple):
    """How a container ended last; *reason* is empty when it never did."""

    reason: str = ""
    exit_code: int = 0
    at: str = ""


@dataclass(frozen=True, slots=True)
class Container:
    """One container of a pod: what was asked for, and its status."""

    spec: Raw
    status: Raw

    @property
    def name(self) -> str:
        """Its name in the pod."""
        return str(self.spec.get("name", ""))

    @property
    def image(self) -> str:
        """The reference as it was asked for."""
        return str(self.spec.get("image", ""))

    @property
    def stays(self) -> bool:
        """Whether one that runs before the others goes on beside them."""
        return self.spec.get("restartPolicy") == "Always"

    @property
    def image_digest(self) -> str:
        """The digest that the runtime says it runs; empty before it was pulled."""
        return digest_of(str(self.status.get("imageID", "")))

    @property
    def is_ready(self) -> bool:
        """Whether its readiness probe passes."""
        return bool(self.status.get("ready"))

    @property
    def running_since(self) -> str:
        """When it was started; empty when it does not run."""
        return str(self._state("running").get("startedAt", ""))

    @property
    def waiting(self) -> Waiting:
        """Why it does not run yet."""
        state = self._state("waiting")
        return Waiting(str(state.get("reason", "")), str(state.get("message", "")))

    @property
    def ended(self) -> Ended:
        """Its last end."""
        last: Raw = self._state("terminated") or self.status.get("lastState", {}).get("terminated") or {}
        return Ended(str(last.get("reason", "")), int(last.get("exitCode", 0)), str(last.get("finishedAt", "")))

    def variable(self, name: str) -> str:
        """The value an environment variable was given literally; empty otherwise."""
        return next((str(one.get("value", "")) for one in self.spec.get("env", ()) if one["name"] == name), "")

    def amount(self, kind: str, resource: str) -> str:
        """A request or a limit, for example ("limits", "memory"): "256Mi"."""
        return str(self.spec.get("resources", {}).get(kind, {}).get(resource, ""))

    def _state(self, name: str) -> Raw:
        return self.status.get("state", {}).get(name) or {}


@dataclass(frozen=True, slots=True)
class Thing:
    """What every object has."""

    raw: Raw

    @property
    def name(self) -> str:
        """Its name in the namespace."""
        return str(self.raw["metadata"]["name"])

    @property
    def labels(self) -> Mapping[str, str]:
        """Its labels."""
        return self.raw["metadata"].get("labels") or {}

    @property
    def spec(self) -> Raw:
        """What is wanted of it."""
        return self.raw.get("spec") or {}

    @property
    def revision(self) -> int:
        """Which revision of its Deployment a ReplicaSet is; 0 where it does not say."""
        return int((self.raw["metadata"].get("annotations") or {}).get(REVISION, 0))

    def condition(self, kind: str) -> Condition:
        """Its condition of that type."""
        for one in self.raw.get("status", {}).get("conditions") or ():
            if one["type"] == kind:
                since = one.get("lastTransitionTime") or ""
                return Condition(one["status"], one.get("reason") or "", one.get("message") or "", since)
        return Condition()


class Pod(Thing):
    """A pod."""

    @property
    def ref(self) -> str:
        """Kind and name."""
        return f"Pod/{self.name}"

    @property
    def phase(self) -> str:
        """Pending, Running, Succeeded, Failed, Unknown."""
        return str(self.raw.get("status", {}).get("phase", ""))

    @property
    def node(self) -> str:
        """Where it runs; empty before it was placed."""
        return str(self.spec.get("nodeName", ""))

    @property
    def service(self) -> str:
        """Which service it is, empty for others."""
        return self.labels.get(NAME, "")

    @property
    def selector(self) -> Mapping[str, str]:
        """Labels that a node must have."""
        return self.spec.get("nodeSelector") or {}

    @property
    def owner(self) -> str:
        """Name of what made it; empty where nothing did."""
        return next((str(one["name"]) for one in self.raw["metadata"].get("ownerReferences") or ()), "")

    @property
    def workload(self) -> str:
        """What made it, as kind/name, since that is where a fault is cured; the pod itself where nothing did."""
        if not self.owner:
            return self.ref
        kind = self.raw["metadata"]["ownerReferences"][0]["kind"]
        return f"Deployment/{self.owner.rpartition('-')[0]}" if kind == "ReplicaSet" else f"{kind}/{self.owner}"

    @property
    def is_ready(self) -> bool:
        """Whether all its containers pass their readiness probes."""
        return all(one.is_ready for one in self.containers)

    @property
    def containers(self) -> tuple[Container, ...]:
        """Its containers, those that initialise first."""
        return (*self.first_containers, *self.own_containers)

    @property
    def first_containers(self) -> tuple[Container, ...]:
        """Those that run before the others."""
        return self._containers("initContainers", "initContainerStatuses")

    @property
    def own_containers(self) -> tuple[Container, ...]:
        """Those that it is there for."""
        return self._containers("containers", "containerStatuses")

    def _containers(self, asked: str, said: str) -> tuple[Container, ...]:
        by_name = {one["name"]: one for one in self.raw.get("status", {}).get(said) or ()}
        return tuple(Container(one, by_name.get(one["name"], {})) for one in self.spec.get(asked) or ())


class Node(Thing):
    """A node."""

    @property
    def ref(self) -> str:
        """Kind and name."""
        return f"Node/{self.name}"

    @property
    def architecture(self) -> str:
        """As its kubelet reports it: amd64, arm64."""
        return str(self.raw.get("status", {}).get("nodeInfo", {}).get("architecture", self.labels.get(ARCH, "")))

    @property
    def distribution(self) -> str:
        """`k3s` or `rke2`, which keep their own containerd; empty for others."""
        version = str(self.raw.get("status", {}).get("nodeInfo", {}).get("kubeletVersion", ""))
        return next((name for name in ("k3s", "rke2") if f"+{name}" in version), "")

    @property
    def service(self) -> str:
        """The unit that runs its kubelet."""
        if not self.distribution:
            return "kubelet"
        is_server = "node-role.kubernetes.io/control-plane" in self.labels
        return {"k3s": ("k3s-agent", "k3s"), "rke2": ("rke2-agent", "rke2-server")}[self.distribution][is_server]

    @property
    def taints(self) -> tuple[Raw, ...]:
        """What keeps pods away."""
        return tuple(one for one in self.spec.get("taints") or () if one.get("effect") != "PreferNoSchedule")

    def free(self, resource: str) -> float:
        """How much of a resource pods may have in all."""
        return quantity(str(self.raw.get("status", {}).get("allocatable", {}).get(resource, "0")))


class Event(Thing):
    """Something that was noted about an object."""

    @property
    def about(self) -> str:
        """The object, as kind/name."""
        concerned = self.raw.get("involvedObject", {})
        return f"{concerned.get('kind')}/{concerned.get('name')}"

    @property
    def reason(self) -> str:
        """For example FailedScheduling."""
        return str(self.raw.get("reason", ""))

    @property
    def message(self) -> str:
        """What was noted."""
        return str(self.raw.get("message", ""))

    @property
    def at(self) -> str:
        """When it was noted last; the scheduler's events have only `eventTime` and a series."""
        series = self.raw.get("series") or {}
        times = (self.raw.get("lastTimestamp"), series.get("lastObservedTime"), self.raw.get("eventTime"))
        return str(next((one for one in times if one), self.raw["metadata"].get("creationTimestamp", "")))


def digest_of(reference: str) -> str:
    """The digest in a reference or an image ID; empty where it has none."""
    return reference[reference.index("sha256:") :] if "sha256:" in reference else ""


def registry_of(reference: str) -> str:
    """host:port of the registry that a reference names.

    >>> registry_of("198.18.0.1:5000/app:1"), registry_of("redis:7")
    ('198.18.0.1:5000', 'docker.io')
    """
    first, slash, _ = reference.partition("/")
    return first if slash and (set(first) & set(".:") or first == "localhost") else "docker.io"


def repository_of(reference: str) -> str:
    """A reference without tag and digest.

    >>> repository_of("198.18.0.1:5000/app:1"), repository_of("198.18.0.1:5000/app@sha256:ab")
    ('198.18.0.1:5000/app', '198.18.0.1:5000/app')
    """
    name = reference.partition("@")[0]
    return name.rpartition(":")[0] if ":" in name.rpartition("/")[2] else name


def short_image(reference: str) -> str:
    """The last part of a reference with a digest that fits a line: `process-worker@53ef817b…`."""
    name, at, digest = reference.rpartition("/")[2].partition("@sha256:")
    return f"{name.partition(':')[0]}@{digest[:8]}…" if at else name


def seconds(timestamp: str) -> float:
    """Seconds since the epoch of an RFC 3339 time."""
    return datetime.fromisoformat(timestamp).timestamp()
