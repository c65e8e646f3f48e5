"""A namespace of one fault's own, and what is easily made in it."""

import contextlib
import json
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lab.diagnosis.diagnose import diagnose
from lab.diagnosis.finding import Finding
from lab.errors import Unavailable
from lab.settings import load_settings
from lab.snapshots.snapshot import Snapshot
from lab.wiring import snapshot_source
from tests.cluster.faults.machines import Machines, variables
from tests.cluster.rig.certificates import LAB_USER, Certificates
from tests.cluster.rig.facts import RigFacts
from tests.cluster.rig.images import Image
from tests.cluster.rig.kubectl import Kubectl
from tests.cluster.rights import granted

if TYPE_CHECKING:
    import subprocess

LOOK_S: Final = 1.0
SECURITY: Final = {
    "runAsNonRoot": True,
    "runAsUser": 10001,
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}
"""What Pod Security `restricted` asks of a container."""
APP: Final = "app"


@dataclass(frozen=True, slots=True)
class Common:
    """What all faults share.

    Attributes:
        rig: Where they are made.
        machines: What a person can do on its machines.
        probe: A small static program for both architectures.
        python: The worker's image for amd64, by digest: a Python with the services in it.
        collector: The collector's image, by digest.
        folder: For files.
    """

    rig: RigFacts
    machines: Machines
    probe: Image
    python: str
    collector: str
    folder: Path


@dataclass(slots=True)
class Place:
    """One namespace, and the servers and settings that belong to its fault.

    Attributes:
        common: What all faults share.
        name: Of the fault; the namespace is called for it.
        until: Ends with the fault: servers, objects outside the namespace.
        settings: The lab's settings for this fault alone, by field.
    """

    common: Common
    name: str
    until: ExitStack = field(default_factory=ExitStack)
    settings: dict[str, object] = field(default_factory=dict)
    _tag: str = field(default_factory=lambda: uuid.uuid4().hex[:4])

    @property
    def namespace(self) -> str:
        """Where the fault is; a namespace of this name may still be going."""
        return f"fault-{self.name}-{self._tag}"

    @property
    def kubectl(self) -> Kubectl:
        """The administrator's."""
        return Kubectl(self.common.rig)

    @property
    def folder(self) -> Path:
        """For files of this fault."""
        path = self.common.folder / self.name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def open(self) -> None:
        """Make the namespace with the lab's rights in it, as an administrator does once."""
        self.until.enter_context(granted(self.kubectl, self.namespace))
        self.kubectl.wait_for(f"--namespace={self.namespace}", "serviceaccount/default")

    def apply(self, *objects: Mapping[str, Any]) -> None:
        """Apply objects in the namespace; those of the whole cluster say so by having no `metadata.namespace` set."""
        self.kubectl.apply(*({**one, "metadata": {"namespace": self.namespace, **one["metadata"]}} for one in objects))

    def deploy(self, image: str, *, name: str = APP, architecture: str = "amd64", **parts: Any) -> None:
        """Apply a Deployment of one container; *parts* go into the container, `pod` into its pod's spec."""
        self.apply(deployment(image, name=name, architecture=architecture, **parts))

    def look(self) -> Snapshot:
        """What `lab diagnose` sees as the user with the lab's own rights."""
        user = Certificates(self.common.rig.state / "certificates").kubeconfig(LAB_USER)
        chosen = {"kubeconfig": user, "namespace": self.namespace, **self.settings}
        return snapshot_source(load_settings(**chosen)).take()

    def await_look(
        self, wanted: Callable[[tuple[Finding, ...]], bool], *, seconds: float
    ) -> tuple[Snapshot | None, tuple[Finding, ...]]:
        """The look in which the findings are as wanted, with them; the last one when time is up, if there was any."""
        end, pause = time.monotonic() + seconds, threading.Event()
        look: Snapshot | None = None
        found: tuple[Finding, ...] = ()
        while True:
            with contextlib.suppress(Unavailable):
                look = self.look()
            # A namespace that has gone is one in which nothing is wrong.
            found = diagnose(look) if look is not None and self.is_there else ()
            if wanted(found) or time.monotonic() > end:
                return look, found
            pause.wait(LOOK_S)

    @property
    def is_there(self) -> bool:
        """Whether the namespace is."""
        return self.kubectl.has("namespace", self.namespace)

    def is_well(self) -> bool:
        """Whether every Deployment has all the pods it wants, of its newest revision."""
        found = self.kubectl.get("deployments", f"--namespace={self.namespace}")["items"]
        return all(
            one["status"].get("availableReplicas", 0) == one["spec"]["replicas"] == one["status"].get("updatedReplicas")
            for one in found
        )

    def paste(self, command: str, *, typed: str = "") -> "subprocess.CompletedProcess[str]":
        """Run a next step as it stands; *typed* is what the person is asked for."""
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
    """A Deployment of one container on nodes of one architecture, as Pod Security `restricted` wants it."""
    mine = {"app": name, **(labels or {})}
    whole = {"name": "service", "image": image, "securityContext": SECURITY, **container}
    spec = {
        "nodeSelector": {"kubernetes.io/arch": architecture},
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 1,
        "containers": [whole],
        **(pod or {}),
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": mine}, "spec": spec},
        },
    }


def config_map(name: str, **files: str) -> dict[str, Any]:
    """A ConfigMap of some files; an underscore in a key stands for a dot."""
    data = {key.replace("_", "."): text for key, text in files.items()}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def as_json(value: object) -> str:
    """JSON, which is YAML, too."""
    return json.dumps(value)
