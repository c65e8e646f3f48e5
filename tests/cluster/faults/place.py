"""A namespace for a fault, and what a fault can do in it."""

import json
import uuid
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lab.settings import load_settings
from lab.snapshots.snapshot import Snapshot
from lab.wiring import snapshots
from tests.cluster.faults.findings import Findings, await_findings
from tests.cluster.faults.machines import Machines, variables
from tests.cluster.rig.certificates import LAB_USER, Certificates
from tests.cluster.rig.facts import RigFacts
from tests.cluster.rig.images import Image
from tests.cluster.rig.kubectl import Kubectl
from tests.cluster.rights import granted

if TYPE_CHECKING:
    import subprocess

SECURITY: Final = {
    "runAsNonRoot": True,
    "runAsUser": 10001,
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}
"""The security context that Pod Security `restricted` requires."""
APP: Final = "app"


@dataclass(frozen=True, slots=True)
class Common:
    """What the faults share.

    Attributes:
        rig: The rig.
        machines: Its machines.
        probe: Image of a small static program for both architectures.
        python: The worker's image for amd64, by digest; it has Python and the services.
        collector: The collector's image, by digest.
        folder: Folder for files.
    """

    rig: RigFacts
    machines: Machines
    probe: Image
    python: str
    collector: str
    folder: Path


@dataclass(slots=True)
class Place:
    """The namespace of a fault, with the fault's servers and settings.

    Attributes:
        common: What the faults share.
        name: The name of the fault, and part of its namespace's name.
        until: Closed at the end of the fault: servers, objects outside the namespace.
        settings: The lab's settings for this fault, by field.
    """

    common: Common
    name: str
    until: ExitStack = field(default_factory=ExitStack)
    settings: dict[str, object] = field(default_factory=dict)
    _tag: str = field(default_factory=lambda: uuid.uuid4().hex[:4])

    @property
    def namespace(self) -> str:
        """The fault's namespace, with a random part, because an earlier one may still be terminating."""
        return f"fault-{self.name}-{self._tag}"

    @property
    def kubectl(self) -> Kubectl:
        """The administrator's kubectl."""
        return Kubectl(self.common.rig)

    @property
    def folder(self) -> Path:
        """Folder for files of this fault."""
        path = self.common.folder / self.name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def open(self) -> None:
        """Create the namespace with the lab's rights in it, as an administrator does once."""
        self.until.enter_context(granted(self.kubectl, self.namespace))
        self.kubectl.wait_for(f"--namespace={self.namespace}", "serviceaccount/default")

    def apply(self, *objects: Mapping[str, Any]) -> None:
        """Apply objects in the namespace."""
        self.kubectl.apply(
            *({**body, "metadata": {"namespace": self.namespace, **body["metadata"]}} for body in objects)
        )

    def deploy(self, image: str, *, name: str = APP, architecture: str = "amd64", **parts: Any) -> None:
        """Apply a Deployment of one container; *parts* are those of `deployment`."""
        self.apply(deployment(image, name=name, architecture=architecture, **parts))

    def take_snapshot(self) -> Snapshot:
        """Return the snapshot that `lab diagnose` takes for a user with the lab's rights."""
        user = Certificates(self.common.rig.state / "certificates").kubeconfig(LAB_USER)
        chosen = {"kubeconfig": user, "namespace": self.namespace, **self.settings}
        return snapshots("kubernetes", load_settings(**chosen)).take()

    def await_findings(self, wanted: Callable[[Findings], bool], *, seconds: float) -> tuple[Snapshot | None, Findings]:
        """Return the first findings that are as wanted, else the last. A namespace that is gone has none."""
        return await_findings(lambda: self.take_snapshot() if self.exists else None, wanted, seconds=seconds)

    @property
    def exists(self) -> bool:
        """Whether the namespace exists."""
        return self.kubectl.has("namespace", self.namespace)

    def is_well(self) -> bool:
        """Whether every Deployment has all its pods, of its newest revision, ready."""
        deployments = self.kubectl.get("deployments", f"--namespace={self.namespace}")["items"]
        return all(
            body["status"].get("availableReplicas", 0)
            == body["spec"]["replicas"]
            == body["status"].get("updatedReplicas")
            for body in deployments
        )

    def paste(self, command: str, *, typed: str = "") -> "subprocess.CompletedProcess[str]":
        """Run a next step unchanged; *typed* is the user's input."""
        settings = variables(self.settings | {"namespace": self.namespace})
        return self.common.machines.paste(command, self.folder, settings, typed=typed)


def deployment(
    image: str,
    *,
    name: str = APP,
    architecture: str = "amd64",
    pod: Mapping[str, Any] | None = None,
    replicas: int = 1,
    labels: Mapping[str, str] | None = None,
    **container: Any,
) -> dict[str, Any]:
    """Return a Deployment of one container on nodes of an architecture, as Pod Security `restricted` requires.

    *pod* adds to the pod's spec, *container* to the container.
    """
    pod_labels = {"app": name, **(labels or {})}
    service = {"name": "service", "image": image, "securityContext": SECURITY, **container}
    spec = {
        "nodeSelector": {"kubernetes.io/arch": architecture},
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 1,
        "containers": [service],
        **(pod or {}),
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": pod_labels}, "spec": spec},
        },
    }


def config_map(name: str, **files: str) -> dict[str, Any]:
    """Return a ConfigMap of files; an underscore in a key stands for a dot."""
    data = {key.replace("_", "."): text for key, text in files.items()}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def as_json(value: object) -> str:
    """Return JSON, which is also YAML."""
    return json.dumps(value)
