"""Where services and pods of a cluster are reached from here: at ports of nodes, else by port-forwards."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from lab.errors import Unavailable
from lab.targets.kubernetes.reaching.forwarding import Forward
from lab.targets.kubernetes.reaching.node_ports import node_ports, reached
from lab.targets.kubernetes.rollout.gate import Watched

GRPC_PORT: Final = 7000


class Reach:
    """Addresses that stay the same for as long as this is kept.

    Args:
        cluster: Where everything runs.
        selector: Chooses what belongs to the stack by its labels.
        options: Choose cluster, user and namespace for kubectl.
        folder: Takes what kubectl prints.
    """

    def __init__(self, cluster: Watched, selector: str, options: Sequence[str], folder: Path) -> None:
        self._cluster, self._selector, self._options, self._folder = cluster, selector, options, folder
        self._forwards: dict[str, Forward] = {}
        self._node_ports: Mapping[str, Sequence[str]] | None = None

    def services(self, names: Sequence[str], *, insist: bool) -> list[str]:
        """Addresses of services; empty where none of its pods is reached, or an Unavailable for those who insist."""
        if self._node_ports is None:
            self._node_ports = node_ports(self._cluster, self._selector)
        found = {name: reached(self._node_ports.get(name, ())) for name in names}
        others = [name for name in names if not found[name]]
        for name in others:
            self._start(f"service/{name}", GRPC_PORT)
        found |= {name: self._wait(f"service/{name}", insist=insist) for name in others}
        return [found[name] for name in names]

    def pods(self, names: Sequence[str]) -> list[str]:
        """Addresses of pods; empty where one is not reached. Those of all other pods are let go."""
        wanted = [f"pod/{name}" for name in names]
        for gone in [one for one in self._forwards if one.startswith("pod/") and one not in wanted]:
            self._forwards.pop(gone).close()
        for what in wanted:
            self._start(what, GRPC_PORT)
        return [self._wait(what) for what in wanted]

    def port(self, what: str, port: int) -> str:
        """Address of one port of something else, for example `deployment/prometheus`; empty where it is not reached."""
        self._start(what, port)
        return self._wait(what)

    @contextmanager
    def once(self, what: str, port: int) -> Iterator[str]:
        """As `port`, for a moment; Unavailable where it is not reached."""
        forward = self._forward(what, port)
        try:
            yield forward.wait()
        finally:
            forward.close()

    def command(self, what: str, port: int) -> str:
        """What reaches a port for as long as it runs; ours end with the lab."""
        return shlex.join(["kubectl", *self._options, "port-forward", what, str(port)])

    def close(self) -> None:
        """Let go of everything."""
        for forward in self._forwards.values():
            forward.close()

    def _start(self, what: str, port: int) -> None:
        """Without waiting for it: several start together."""
        if what not in self._forwards:
            self._forwards[what] = self._forward(what, port)

    def _forward(self, what: str, port: int) -> Forward:
        return Forward(self._options, what, port, log=self._folder / f"{what.replace('/', '-')}.forward")

    def _wait(self, what: str, *, insist: bool = False) -> str:
        try:
            return self._forwards[what].wait()
        except Unavailable:
            self._forwards.pop(what).close()
            if insist:
                raise
            return ""
