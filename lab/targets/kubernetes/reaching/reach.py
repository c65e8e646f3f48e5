"""Gives the parts of a stack addresses that this machine reaches: ports of nodes, else port-forwards."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol

from lab.errors import Unavailable
from lab.targets.kubernetes.client.kubectl import Kubectl
from lab.targets.kubernetes.client.port import Lister
from lab.targets.kubernetes.reaching.connections import first_reached
from lab.targets.kubernetes.reaching.forwarding import Forward
from lab.targets.kubernetes.reaching.node_ports import node_ports

GRPC_PORT: Final = 7000


class LocalPort(Protocol):
    """A local port that leads to a port in the cluster; satisfied by `Forward`."""

    def wait(self) -> str:
        """Return the local address, `host:port`, once it leads to the cluster. It stays the same.

        Raises:
            Unavailable: The port was not reached; the error names the port in the cluster.
        """

    def close(self) -> None:
        """Close the local port; closing it again does nothing."""


class OpenPort(Protocol):
    """Opens a local port that leads to the cluster; satisfied by the class `Forward`."""

    def __call__(self, kubectl: Kubectl, resource: str, port: int, *, log: Path) -> LocalPort:
        """Start to open a local port without waiting.

        Args:
            kubectl: Commands for the namespace of the resource.
            resource: `service/NAME`, `pod/NAME` or `deployment/NAME`.
            port: Port of the resource.
            log: File for the output of the program that forwards the port.

        Raises:
            Unavailable: No program can forward ports.
        """


class Reach:
    """Gives addresses that stay the same until they are closed.

    Args:
        cluster: Where the stack runs.
        selector: Labels of everything that belongs to the stack.
        kubectl: Commands for the namespace of the stack.
        folder: Folder for the output of kubectl.
        open_port: Opens ports.
    """

    def __init__(
        self, cluster: Lister, selector: str, kubectl: Kubectl, folder: Path, *, open_port: OpenPort = Forward
    ) -> None:
        self._cluster, self._selector, self._kubectl, self._folder = cluster, selector, kubectl, folder
        self._open_port, self._forwards = open_port, dict[str, LocalPort]()
        self._node_ports: Mapping[str, Sequence[str]] | None = None

    def services(self, names: Sequence[str], *, insist: bool) -> list[str]:
        """Return the addresses of services; empty for a service without a pod that is reached.

        Raises:
            Unavailable: A service is not reached, and the caller insists.
        """
        if self._node_ports is None:
            self._node_ports = node_ports(self._cluster, self._selector)
        addresses = {name: first_reached(self._node_ports.get(name, ())) for name in names}
        forwarded = [name for name in names if not addresses[name]]
        for name in forwarded:
            self._start(f"service/{name}", GRPC_PORT)
        addresses |= {name: self._wait(f"service/{name}", insist=insist) for name in forwarded}
        return [addresses[name] for name in names]

    def pods(self, names: Sequence[str]) -> list[str]:
        """Return the addresses of pods; empty for a pod that is not reached. Ports of all other pods are closed."""
        wanted = [f"pod/{name}" for name in names]
        pods = [resource for resource in self._forwards if resource.startswith("pod/")]
        for resource in set(pods) - set(wanted):
            self._forwards.pop(resource).close()
        for resource in wanted:
            self._start(resource, GRPC_PORT)
        return [self._wait(resource) for resource in wanted]

    def port(self, resource: str, port: int) -> str:
        """Return the address of a port, for example of `deployment/prometheus`; empty where the port is not reached."""
        self._start(resource, port)
        return self._wait(resource)

    @contextmanager
    def temporary_port(self, resource: str, port: int) -> Iterator[str]:
        """Yield the address of a port, which is closed when the context ends.

        Raises:
            Unavailable: The port is not reached.
        """
        forward = self._forward(resource, port)
        try:
            yield forward.wait()
        finally:
            forward.close()

    def forward_command(self, resource: str, port: int) -> str:
        """Return the command that forwards a port for as long as it runs. The lab's own ports end with the lab."""
        return self._kubectl.text("port-forward", resource, str(port))

    def close(self) -> None:
        """Close every port."""
        for forward in self._forwards.values():
            forward.close()

    def _start(self, resource: str, port: int) -> None:
        """Start a port-forward without waiting, so that several start together."""
        if resource not in self._forwards:
            self._forwards[resource] = self._forward(resource, port)

    def _forward(self, resource: str, port: int) -> LocalPort:
        log = self._folder / f"{resource.replace('/', '-')}.forward"
        return self._open_port(self._kubectl, resource, port, log=log)

    def _wait(self, resource: str, *, insist: bool = False) -> str:
        try:
            return self._forwards[resource].wait()
        except Unavailable:
            self._forwards.pop(resource).close()
            if insist:
                raise
            return ""
