"""Builds the images of the services for every platform and pushes them."""

import subprocess
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal, NamedTuple

from lab.errors import LabError, Unavailable
from lab.files import OWNERS_FILE, write_text
from lab.images import bake
from lab.images.access import RegistryAccess
from lab.images.base import BASE, base_of
from lab.images.build_faults import explain
from lab.images.pull_secret import pull_secret
from lab.settings import find_program, inherited_environment, text_of

QUICK_S: Final = 20
"""How long a command of a builder may take that builds nothing, in seconds."""

Progress = Callable[[str], None]
ToolKind = Literal["buildx", "buildah"]


class Tool(NamedTuple):
    """A program that builds images: its kind, and its command."""

    kind: ToolKind
    command: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BuildOrder:
    """What to build, and where to push it.

    Attributes:
        access: The registry.
        tag: Tag of the images.
        base: Base image; empty takes the one of the bake file.
        builder: Name of a buildx builder; empty takes the current builder.
        wheels: Folder of wheels to install from; None asks the package index.
    """

    access: RegistryAccess
    tag: str
    base: str = ""
    builder: str = ""
    wheels: Path | None = None

    @property
    def variables(self) -> dict[str, str]:
        """Values of the bake file's variables."""
        return {"REGISTRY": self.access.name, "TAG": self.tag} | ({BASE: self.base} if self.base else {})


def find_tool() -> Tool:
    """Return `docker buildx`, else a `buildx` program, else `buildah`.

    Raises:
        Unavailable: This machine has none of them.
    """
    docker, buildx, buildah = (find_program(name) for name in ("docker", "buildx", "buildah"))
    if docker and _succeeds(str(docker), "buildx", "version"):
        return Tool("buildx", (str(docker), "buildx"))
    if buildx:
        return Tool("buildx", (str(buildx),))
    if buildah:
        return Tool("buildah", (str(buildah),))
    raise Unavailable(
        "cannot build images: this machine has no program that builds them",
        found="looked on PATH for docker with its buildx plugin, buildx, buildah",
        next_step="apt install buildah      (or docker with its buildx plugin)",
    )


def build(order: BuildOrder, tool: Tool, *, project: Path, log: Path, progress: Progress = lambda _: None) -> None:
    """Build and push every image; the output of the builder goes to *log*.

    Raises:
        LabError: The build failed; the message names the cause where it is known.
    """
    # Always named: bake takes a variable of its file from the environment, where an exported BASE may stand.
    order = replace(order, base=order.base or base_of(project))
    targets = bake.read_bake(project / bake.FILE_NAME, order.variables)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", encoding="utf-8") as out:
        BUILDERS[tool.kind](_Build(order, tool, targets, project, out.fileno(), log, progress))


def bake_command(tool: Tool, order: BuildOrder) -> tuple[str, ...]:
    """Return the one command that builds and pushes every image."""
    wheels = () if order.wheels is None else _bake_wheels(order.wheels.resolve())
    builder = ("--builder", order.builder) if order.builder else ()
    return (
        *tool.command, "bake", "--file", bake.FILE_NAME, "--push", "--progress", "plain",
        *builder, *wheels,
    )  # fmt: skip


def buildah_commands(
    tool: Tool, order: BuildOrder, target: bake.Target, *, trusted: Path | None = None
) -> tuple[tuple[str, ...], ...]:
    """Return the commands that build a target into a list of images, and push the list with its images.

    Args:
        tool: Buildah.
        order: What to build.
        target: One image.
        trusted: Folder of certificates, in the form of containers-certs.d(5); None trusts the system's authorities.
    """
    name = target.tags[0]
    args = dict(target.args) | ({"PIP_NO_INDEX": "1"} if order.wheels else {})
    wheels = ("--build-context", f"wheels={order.wheels.resolve()}") if order.wheels else ()
    certificates = ("--cert-dir", str(trusted)) if trusted else ()
    options = (
        "--layers", "--file", "Dockerfile", "--ignorefile", ".dockerignore",
        "--target", target.stage, "--manifest", name,
        *(part for key, value in args.items() for part in ("--build-arg", f"{key}={value}")),
        *wheels, *certificates, ".",
    )  # fmt: skip
    # One platform at a time: builds that run together share the base image's name, and take each other's image.
    builds = ((*tool.command, "build", "--platform", platform, *options) for platform in target.platforms)
    return *builds, (*tool.command, "manifest", "push", "--all", *certificates, name, f"docker://{name}")


def registries_conf(access: RegistryAccess) -> str:
    """Return buildah's configuration of registries: plain HTTP for the configured host alone."""
    insecure = f'[[registry]]\nlocation = "{access.host}"\ninsecure = true\n' if access.plain_http else ""
    return f'unqualified-search-registries = ["docker.io"]\n{insecure}'


def _prepared(tool: Tool, access: RegistryAccess, folder: Path) -> tuple[Tool, dict[str, str]]:
    """Return buildah configured for the registry, and the variable that signs it in; both name files in *folder*."""
    registries = folder / "registries.conf"
    registries.write_text(registries_conf(access), encoding="utf-8")
    # `manifest push` does not read the variable CONTAINERS_REGISTRIES_CONF, which `build` does.
    configured = Tool(tool.kind, (*tool.command, "--registries-conf", str(registries)))
    secret = pull_secret(access)
    if not secret:
        return configured, {}
    credentials = folder / "auth.json"
    write_text(credentials, secret, mode=OWNERS_FILE)
    return configured, {"REGISTRY_AUTH_FILE": str(credentials)}


@dataclass(frozen=True, slots=True)
class _Build:
    """One build, which runs a builder's commands one after the other.

    Attributes:
        order: What is built, and where it is pushed.
        tool: The builder.
        targets: The images.
        project: Folder that the builder works in.
        out: File descriptor of the log.
        log: The log.
        progress: Called with each step before it begins.
    """

    order: BuildOrder
    tool: Tool
    targets: tuple[bake.Target, ...]
    project: Path
    out: int
    log: Path
    progress: Progress

    def run(self, command: tuple[str, ...], variables: Mapping[str, str]) -> None:
        environment = inherited_environment() | dict(variables)
        result = subprocess.run(
            command,
            cwd=self.project,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=self.out,
            stderr=subprocess.STDOUT,
            check=False,
        )
        if result.returncode:
            raise self._fault()

    def _fault(self) -> LabError:
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return explain(lines, self.order.access, self.log)


def _with_buildx(build: _Build) -> None:
    build.progress(f"{len(build.targets)} images with buildx")
    build.run(bake_command(build.tool, build.order), build.order.variables)


def _with_buildah(build: _Build) -> None:
    with tempfile.TemporaryDirectory() as folder:
        tool, credentials = _prepared(build.tool, build.order.access, Path(folder))
        trusted = _trusted(build.order.access, Path(folder))
        for target in build.targets:
            build.progress(f"{target.name} with buildah")
            _remove_list(build.tool, target.tags[0])
            for command in buildah_commands(tool, build.order, target, trusted=trusted):
                build.run(command, credentials)


def _trusted(access: RegistryAccess, folder: Path) -> Path | None:
    """Return a folder with nothing but the registry's CA, under the only name that buildah reads as a CA's."""
    if access.ca_file is None:
        return None
    certificates = folder / "certificates"
    certificates.mkdir()
    (certificates / "ca.crt").write_text(text_of(access.ca_file) + "\n", encoding="utf-8")
    return certificates


BUILDERS: Final[Mapping[ToolKind, Callable[[_Build], None]]] = {"buildx": _with_buildx, "buildah": _with_buildah}
"""Kind of a tool → what builds with it."""


def _remove_list(tool: Tool, name: str) -> None:
    """Remove the list of images that an earlier build left under a name; there need not be one."""
    with suppress(OSError, subprocess.TimeoutExpired):
        subprocess.run((*tool.command, "manifest", "rm", name), capture_output=True, timeout=QUICK_S, check=False)


def _bake_wheels(folder: Path) -> tuple[str, ...]:
    return (
        "--allow", f"fs.read={folder}", "--set", f"*.contexts.wheels={folder}", "--set", "*.args.PIP_NO_INDEX=1",
    )  # fmt: skip


def _succeeds(*command: str) -> bool:
    try:
        return subprocess.run(command, capture_output=True, timeout=QUICK_S, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False
