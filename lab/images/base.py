"""Pins the base image of the services: its tag gets the digest that the registry has for it now."""

from pathlib import Path
from typing import Final, NamedTuple

from lab.errors import DataFault
from lab.files import write_text
from lab.images import bake
from lab.images.manifests import Image, parse
from lab.images.registry import Registry
from lab.images.resolve import SYSTEM
from lab.model.image_references import LATEST, parsed

BASE: Final = "BASE"
"""The variable of the bake file that names the base image."""


class Pinned(NamedTuple):
    """A base image by digest.

    Attributes:
        reference: `host/name:tag@sha256:…`; the digest is that of the index of all architectures.
        architectures: Those that the index has.
    """

    reference: str
    architectures: tuple[str, ...]


def base_of(project: Path) -> str:
    """Return the reference in the bake file. BadConfig where the file cannot be used."""
    return bake.default_of(project / bake.FILE_NAME, BASE)


def platforms_of(project: Path) -> tuple[str, ...]:
    """Return the platforms that images are built for, such as `linux/arm64`. BadConfig as `base_of`."""
    targets = bake.read_bake(project / bake.FILE_NAME, {})
    return tuple(sorted({platform for target in targets for platform in target.platforms}))


def pin(registry: Registry, reference: str, platforms: tuple[str, ...]) -> Pinned:
    """Ask the registry for the digest behind a tag.

    Args:
        registry: The registry that the reference names.
        reference: `host/name:tag`; a digest in it is asked for anew.
        platforms: Those that the image must have, such as `linux/arm64`.

    Raises:
        DataFault: The image lacks a platform. A build for that platform would take a wrong image, or none.
        LabError: The registry does not answer, or has no such image.
    """
    parts = parsed(reference)
    tag = parts.tag or LATEST
    document = registry.manifest(parts.repository, tag)
    content = parse(document.body, reference)
    choices = () if isinstance(content, Image) else content
    architectures = sorted({choice.architecture for choice in choices if choice.os == SYSTEM})
    if missing := sorted(set(platforms) - {f"{SYSTEM}/{architecture}" for architecture in architectures}):
        raise DataFault(
            f"cannot pin {reference.partition('@')[0]}",
            found=f"it has no image for {', '.join(missing)}; it has: {', '.join(architectures) or 'one image alone'}",
            next_step="lab images base NAME      (an image for every platform of docker-bake.json)",
            code="E_ARCH",
        )
    name = f"{parts.registry}/{parts.repository}" if parts.registry else parts.repository
    return Pinned(f"{name}:{tag}@{document.digest}", tuple(architectures))


def write_base(project: Path, reference: str) -> None:
    """Put a reference into the bake file, and leave everything else of the file as it is. BadConfig as `base_of`."""
    file = project / bake.FILE_NAME
    write_text(file, bake.with_default(file, BASE, reference))
