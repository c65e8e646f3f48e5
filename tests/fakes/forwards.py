"""Local ports that lead to a cluster, in memory."""

from pathlib import Path

from lab.errors import Unavailable
from lab.targets.kubernetes.client.kubectl import Kubectl


class FakeForwards:
    """Opens local ports that lead nowhere; satisfies `OpenPort`.

    Attributes:
        address: Address of every port; empty gives every port an address of its own.
        opened: `resource:port` of every port that was ever opened.
        open: Resources that have an open port now.
        gone: Resources that cannot be reached.
    """

    def __init__(self, *, address: str = "") -> None:
        self.address = address
        self.opened: list[str] = []
        self.open: set[str] = set()
        self.gone: set[str] = set()

    def __call__(self, kubectl: Kubectl, resource: str, port: int, *, log: Path) -> "FakeForward":
        """See `OpenPort`."""
        self.opened.append(f"{resource}:{port}")
        self.open.add(resource)
        return FakeForward(self, resource, port, self.address or f"127.0.0.1:{len(self.opened)}")


class FakeForward:
    """A port of a service or a pod; satisfies `LocalPort`."""

    def __init__(self, forwards: FakeForwards, resource: str, port: int, address: str) -> None:
        self._forwards, self._resource, self._port, self._address = forwards, resource, port, address

    def wait(self) -> str:
        """See `LocalPort.wait`."""
        if self._resource in self._forwards.gone:
            raise Unavailable(f"cannot reach port {self._port} of {self._resource}")
        return self._address

    def close(self) -> None:
        """See `LocalPort.close`."""
        self._forwards.open.discard(self._resource)
