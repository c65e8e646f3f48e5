"""Writes the configuration of the registry for builder and nodes: three files from one setting."""

from dataclasses import dataclass
from typing import Final

from lab.images.access import RegistryAccess

K3S_CA: Final = "/etc/rancher/k3s/registry-ca.crt"
CONTAINERD: Final = "/etc/containerd/certs.d"
BUILDKITD: Final = "buildkitd.toml"
MAKE_BUILDER: Final = "docker buildx create --name lab --driver docker-container --use"
"""Makes a builder that builds for every platform."""
MAKE_CONFIGURED: Final = f"{MAKE_BUILDER} --config {BUILDKITD}"
"""Makes that builder with the configuration of the registry."""


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """One file.

    Attributes:
        name: Its name.
        reader: The program that reads it.
        path: Its place; the builder's file may be anywhere.
        apply: What to do once the file is in its place.
        text: Its text, without instructions.
    """

    name: str
    reader: str
    path: str
    apply: tuple[str, ...]
    text: str

    @property
    def content(self) -> str:
        """The file, its instructions on top."""
        notes = [f"{self.reader}: {self.path}", *self.apply]
        return "".join(f"# {note}\n" for note in notes) + "\n" + self.text


def config_files(access: RegistryAccess) -> tuple[ConfigFile, ...]:
    """Return the files for buildkitd, for k3s and for containerd; each names the configured host alone."""
    return _buildkitd(access), _k3s(access), _containerd(access)


def _buildkitd(access: RegistryAccess) -> ConfigFile:
    trust = ["  http = true"] if access.plain_http else []
    trust += [f'  ca = ["{access.ca_file.absolute()}"]'] if access.ca_file else []
    return ConfigFile(
        BUILDKITD,
        "docker buildx",
        "any folder of the machine that builds",
        ("then make the builder anew: docker buildx rm lab", MAKE_CONFIGURED),
        "\n".join([f'[registry."{access.host}"]', *trust]) + "\n",
    )


def _k3s(access: RegistryAccess) -> ConfigFile:
    trust = ["configs:", f'  "{access.host}":', "    tls:", f"      ca_file: {K3S_CA}"] if access.ca_file else []
    copy = (f"copy the CA to {K3S_CA}",) if access.ca_file else ()
    return ConfigFile(
        "registries.yaml",
        "k3s",
        "/etc/rancher/k3s/registries.yaml on every node, servers and agents alike",
        (*copy, "then on that node: systemctl restart k3s (a server) or k3s-agent (an agent)"),
        "\n".join(["mirrors:", f'  "{access.host}":', "    endpoint:", f'      - "{access.url}"', *trust]) + "\n",
    )


def _containerd(access: RegistryAccess) -> ConfigFile:
    folder = f"{CONTAINERD}/{access.host}"
    copy = (f"copy the CA to {folder}/ca.crt",) if access.ca_file else ()
    trust = [f'  ca = "{folder}/ca.crt"'] if access.ca_file else []
    return ConfigFile(
        "hosts.toml",
        "containerd",
        f"{folder}/hosts.toml on every node that does not run k3s",
        (
            *copy,
            f'it is read at every pull, if /etc/containerd/config.toml says config_path = "{CONTAINERD}"',
            "in its section of the registry; where that is new: systemctl restart containerd",
        ),
        "\n".join(
            [f'server = "{access.url}"', "", f'[host."{access.url}"]', '  capabilities = ["pull", "resolve"]', *trust]
        )
        + "\n",
    )
