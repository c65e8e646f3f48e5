"""A container of a pod: what is specified, and how it is doing."""

from dataclasses import dataclass
from typing import Final, NamedTuple

from lab.model.image_references import digest_of
from lab.snapshots.kubernetes.objects import Raw

STUCK_REASONS: Final = frozenset(
    {
        "CrashLoopBackOff", "CreateContainerConfigError", "CreateContainerError", "ErrImageNeverPull", "ErrImagePull",
        "ImageInspectError", "ImagePullBackOff", "InvalidImageName", "RunContainerError",
    }
)  # fmt: skip
"""What a container waits for that does not come by waiting."""


class Waiting(NamedTuple):
    """Why a container does not run yet. Both fields are empty for a container that runs."""

    reason: str = ""
    message: str = ""


class Ended(NamedTuple):
    """How a container last ended. *reason* is empty for a container that never ended."""

    reason: str = ""
    exit_code: int = 0
    at: str = ""


@dataclass(frozen=True, slots=True)
class Container:
    """A container of a pod: its specification and its status."""

    spec: Raw
    status: Raw

    @property
    def name(self) -> str:
        """Its name in the pod."""
        return str(self.spec.get("name", ""))

    @property
    def image(self) -> str:
        """The image reference in its specification."""
        return str(self.spec.get("image", ""))

    @property
    def is_sidecar(self) -> bool:
        """Whether this init container keeps running beside the app containers."""
        return self.spec.get("restartPolicy") == "Always"

    @property
    def image_id(self) -> str:
        """Repository and digest that the runtime reports; empty before the image was pulled."""
        return str(self.status.get("imageID", ""))

    @property
    def image_digest(self) -> str:
        """The digest that the runtime reports; empty before the image was pulled."""
        return digest_of(self.image_id)

    @property
    def is_ready(self) -> bool:
        """Whether its readiness probe passes."""
        return bool(self.status.get("ready"))

    @property
    def running_since(self) -> str:
        """When it was started; empty where it does not run."""
        return str(self._state("running").get("startedAt", ""))

    @property
    def waiting(self) -> Waiting:
        """Why it does not run yet."""
        state = self._state("waiting")
        return Waiting(str(state.get("reason", "")), str(state.get("message", "")))

    @property
    def ended(self) -> Ended:
        """How it last ended."""
        return _ended(self._state("terminated") or self.status.get("lastState", {}).get("terminated") or {})

    @property
    def terminated(self) -> Ended:
        """How it ended, for a container that neither runs nor waits; *reason* is empty for any other."""
        return _ended(self._state("terminated"))

    @property
    def restarts(self) -> int:
        """How often it was started again."""
        return int(self.status.get("restartCount", 0))

    def variable(self, name: str) -> str:
        """Return the literal value of an environment variable; empty where it has none."""
        return next(
            (str(variable.get("value", "")) for variable in self.spec.get("env", ()) if variable["name"] == name), ""
        )

    def amount(self, kind: str, resource: str) -> str:
        """Return a request or a limit, for example ("limits", "memory"): "256Mi"."""
        return str(self.spec.get("resources", {}).get(kind, {}).get(resource, ""))

    def _state(self, name: str) -> Raw:
        return self.status.get("state", {}).get(name) or {}


def _ended(end: Raw) -> Ended:
    return Ended(str(end.get("reason", "")), int(end.get("exitCode", 0)), str(end.get("finishedAt", "")))
