"""What every Kubernetes object has."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

Raw = Mapping[str, Any]
"""An object as JSON, camelCase."""
NAME_LABEL: Final = "app.kubernetes.io/name"
ARCHITECTURE_LABEL: Final = "kubernetes.io/arch"
STACK_LABEL: Final = "lab.observability/stack"
"""On every object that the lab applied."""
REVISION: Final = "deployment.kubernetes.io/revision"


class Condition(NamedTuple):
    """One condition of an object. All fields are empty where the object has no condition of that type."""

    status: str = ""
    reason: str = ""
    message: str = ""
    since: str = ""


@dataclass(frozen=True, slots=True)
class KubernetesObject:
    """What every object has."""

    raw: Raw

    @property
    def name(self) -> str:
        """Its name in the namespace."""
        return str(self.raw["metadata"]["name"])

    @property
    def uid(self) -> str:
        """Its unique id; empty where it does not say."""
        return str(self.raw["metadata"].get("uid") or "")

    @property
    def labels(self) -> Mapping[str, str]:
        """Its labels."""
        return self.raw["metadata"].get("labels") or {}

    @property
    def created_at(self) -> str:
        """When it was created; empty where it does not say."""
        return str(self.raw["metadata"].get("creationTimestamp") or "")

    @property
    def is_terminating(self) -> bool:
        """Whether it was deleted and is still there."""
        return bool(self.raw["metadata"].get("deletionTimestamp"))

    @property
    def spec(self) -> Raw:
        """Its specification."""
        return self.raw.get("spec") or {}

    @property
    def status(self) -> Raw:
        """Its status."""
        return self.raw.get("status") or {}

    @property
    def revision(self) -> int:
        """The revision of its Deployment, for a ReplicaSet; 0 where it does not say."""
        return int((self.raw["metadata"].get("annotations") or {}).get(REVISION, 0))

    def condition(self, kind: str) -> Condition:
        """Return its condition of that type."""
        for condition in self.status.get("conditions") or ():
            if condition["type"] == kind:
                since = condition.get("lastTransitionTime") or ""
                return Condition(
                    condition["status"], condition.get("reason") or "", condition.get("message") or "", since
                )
        return Condition()


def seconds(timestamp: str) -> float:
    """Return seconds since the epoch of an RFC 3339 time."""
    return datetime.fromisoformat(timestamp).timestamp()
