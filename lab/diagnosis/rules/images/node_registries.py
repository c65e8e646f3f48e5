"""The file by which a node's container runtime finds a registry."""

from lab.diagnosis import remedies
from lab.snapshots.kubernetes import Node


def point_to_registry(node: Node, host: str, scheme: str) -> str:
    """Return the command that writes the file by which this node asks this host by this scheme."""
    if node.distribution:
        path = f"/etc/rancher/{node.distribution}/registries.yaml"
        restart = f"sudo systemctl restart {node.service}"
        return remedies.write_or_edit_file(node, path, _mirror(host, scheme), then=restart)
    lines = (f'server = "{scheme}://{host}"', f'[host."{scheme}://{host}"]', '  capabilities = ["pull", "resolve"]')
    return remedies.write_file(node, f"/etc/containerd/certs.d/{host}/hosts.toml", lines)


def note_on_existing_file(node: Node | None, host: str, scheme: str) -> str:
    """Return what to add to a file that exists, since `point_to_registry` only opens it; empty for other nodes."""
    if node is None or not node.distribution:
        return ""
    _, name, endpoint = (line.strip() for line in _mirror(host, scheme))
    return f"; if its registries.yaml exists already, add below mirrors: {name} {{{endpoint}}}"


def _mirror(host: str, scheme: str) -> tuple[str, ...]:
    """Return the lines of `registries.yaml` for a registry that is asked at its own address."""
    return ("mirrors:", f'  "{host}":', f'    endpoint: ["{scheme}://{host}"]')
