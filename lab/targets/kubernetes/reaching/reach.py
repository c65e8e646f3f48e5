"""Gives services and pods of a cluster addresses on this machine: ports of nodes, else port-forwards."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol

from lab.errors import Unavailable
from lab.targets.kubernetes.client.reader import Lister
from lab.targets.kubernetes.reaching.forwarding import Forward
from lab.targets.kubernetes.reaching.node_ports import node_ports, reached

GRPC_PORT: Final = 7000


class Port(Protocol):
    """A local port that leads to a port in the cluster; satisfied by `Forward`."""

    def wait(self) -> str:
        """Return the local address once it leads to the cluster."""

    def close(self) -> None:
        """Close the local port."""


class Opener(Protocol):
    """Opens ports; satisfied by the class `Forward`."""

    def __call__(self, options: Sequence[str], resource: str, port: int, *, log: Path) -> Port:
        """Start to open a local port that leads to a port of a resource."""


class Reach:
    """Gives addresses that stay the same until they are closed.

    Args:
        cluster: Where the stack runs.
        selector: Labels of everything that belongs to the stack.
        options: Choose cluster, user and namespace for kubectl.
        folder: Folder for the output of kubectl.
        opener: Opens ports.
    """

    def __init__(
        self, cluster: Lister, selector: str, options: Sequence[str], folder: Path, *, opener: Opener = Forward
    ) -> None:
        self._cluster, self._selector, self._options, self._folder = cluster, selector, options, folder
        self._opener, self._forwards = opener, dict[str, Port]()
        self._node_ports: Mapping[str, Sequence[str]] | None = None

    def services(self, names: Sequence[str], *, insist: bool) -> list[str]:
        """Return the addresses of services; empty for a service without a pod that is reached.

        Raises:
            Unavailable: A service is not reached, and the caller insists.
        """
        if self._node_ports is None:
            self._node_ports = node_ports(self._cluster, self._selector)
        addresses = {name: reached(self._node_ports.get(name, ())) for name in names}
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
    def once(self, resource: str, port: int) -> Iterator[str]:
        """Yield the address of a port, which is closed when the context ends.

        Raises:
            Unavailable: The port is not reached.
        """
        forward = self._forward(resource, port)
        try:
            yield forward.wait()
        finally:
            forward.close()

    def command(self, resource: str, port: int) -> str:
        """Return the command that forwards a port for as long as it runs. The lab's own ports end with the lab."""
        return shlex.join(["kubectl", *self._options, "port-forward", resource, str(port)])

    def close(self) -> None:
        """Close every port."""
        for forward in self._forwards.values():
            forward.close()

    def _start(self, resource: str, port: int) -> None:
        """Start a port-forward without waiting, so that several start together."""
        if resource not in self._forwards:
            self._forwards[resource] = self._forward(resource, port)

    def _forward(self, resource: str, port: int) -> Port:
        return self._opener(self._options, resource, port, log=self._folder / f"{resource.replace('/', '-')}.forward")

    def _wait(self, resource: str, *, insist: bool = False) -> str:
        try:
            return self._forwards[resource].wait()
        except Unavailable:
            self._forwards.pop(resource).close()
            if insist:
                raise
            return ""
