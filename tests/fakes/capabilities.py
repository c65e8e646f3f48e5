"""What only some targets and some stacks can do, in memory."""

import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from lab.systems.services import SERVICES
from lab.targets.port import Cleaned, Intent, Report, StackRequest
from tests.fakes.target import FakeDeployment, FakeTarget


class FakePods(FakeDeployment):
    """A stack of pods on nodes; satisfies `lab.faults.kinds.Placed`."""

    def kill(self, service: str, architecture: str = "") -> int:
        """See `Placed.kill`."""
        at_ns = super().kill(service)
        self.done[-1] = f"kill {_pod(service, architecture)}"
        return at_ns

    @contextmanager
    def paused(self, service: str, architecture: str = "") -> Iterator[None]:
        """See `Placed.paused`."""
        with super().paused(service):
            self.done[-1] = f"pause {_pod(service, architecture)}"
            yield

    def delete_pod(self, service: str, architecture: str = "") -> int:
        """See `Placed.delete_pod`."""
        return self._do("delete", service, architecture)

    def scaled(self, service: str, architecture: str, *, replicas: int) -> AbstractContextManager[None]:
        """See `Placed.scaled`."""
        self._require(service)
        return self._scaled(_pod(service, architecture), replicas)

    @contextmanager
    def _scaled(self, pods: str, replicas: int) -> Iterator[None]:
        self.done.append(f"scale {pods} to {replicas}")
        try:
            yield
        finally:
            self.done.append(f"scale {pods} back")

    def _do(self, what: str, service: str, architecture: str) -> int:
        self._require(service)
        self.done.append(f"{what} {_pod(service, architecture)}")
        return time.time_ns()


class FakeCleaningTarget(FakeTarget):
    """A target that leaves something on this machine; satisfies `Cleaning`."""

    def clean(self, *, everyone: bool = False) -> Cleaned:
        """See `Cleaning.clean`; there are no stacks of others, so that *everyone* changes nothing."""
        return Cleaned(int(self.down(lambda *_: None)))


class FakePreviewingTarget(FakeTarget):
    """A target whose stack consists of one object for each service; satisfies `Previewing`."""

    def preview(self, _request: StackRequest, _report: Report) -> Sequence[Intent]:
        """See `Previewing.preview`."""
        return [Intent("Deployment", name, "unchanged" if self._kept else "create") for name in SERVICES]

    def write_objects(self, _request: StackRequest, folder: Path) -> Sequence[Path]:
        """See `Previewing.write_objects`."""
        folder.mkdir(parents=True, exist_ok=True)
        paths = [folder / f"{name}.yaml" for name in SERVICES]
        for path in paths:
            path.write_text(f"kind: Deployment\nmetadata: {{name: {path.stem}}}\n")
        return paths


def _pod(service: str, architecture: str) -> str:
    return f"{service} {architecture}".rstrip()
