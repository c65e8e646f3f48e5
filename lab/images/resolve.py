"""Resolves a tag to one digest per architecture."""

from collections.abc import Iterable, Sequence
from typing import Final

from lab.errors import DataFault
from lab.images.lock import ImageLock
from lab.images.manifests import Built, Choice, Image, parse, parse_config
from lab.images.registry import Registry

SYSTEM: Final = "linux"
"""Operating system of every node."""


def resolve(registry: Registry, services: Iterable[str], tag: str) -> ImageLock:
    """Return the lock of the images that were pushed under a tag.

    Raises:
        LabError: An image is missing, or two images of a service are for one architecture.
    """
    registry.ping()
    images = {service: _digests(registry, service, tag) for service in services}
    return ImageLock(registry.access.name, tag, images)


def by_architecture(choices: Sequence[Choice], origin: str) -> dict[str, str]:
    """Return architecture → digest of the images for Linux.

    Raises:
        DataFault: There is no such image, or there are two for one architecture.
    """
    for_linux = [choice for choice in choices if choice.os == SYSTEM]
    digests = {choice.architecture: choice.digest for choice in for_linux}
    if not digests:
        raise DataFault(f"{origin} holds no image for {SYSTEM}", next_step="lab images build")
    if len(set(for_linux)) > len(digests):
        platforms = ", ".join(f"{choice.architecture}/{choice.variant or '–'}" for choice in for_linux)
        raise DataFault(
            f"{origin} holds two images of one architecture",
            found=f"it has: {platforms}; a node's runtime would choose",
            next_step="lab images build      (builds one for each)",
        )
    return digests


def _digests(registry: Registry, service: str, tag: str) -> dict[str, str]:
    repository = registry.access.repository(service)
    document = registry.manifest(repository, tag)
    origin = f"{repository}:{tag}"
    content = parse(document.body, origin)
    choices = (Choice(document.digest),) if isinstance(content, Image) else content
    return by_architecture([_complete(registry, repository, choice) for choice in choices], origin)


def _complete(registry: Registry, repository: str, choice: Choice) -> Choice:
    """Return an image with the platform of its own configuration, where the index leaves the platform out."""
    if choice.architecture and choice.os:
        return choice
    image = image_of(registry, repository, choice.digest)
    built = built_for(registry, repository, image, f"{repository}@{image.config.digest}")
    return Choice(choice.digest, built.architecture, built.os)


def image_of(registry: Registry, repository: str, digest: str) -> Image:
    """Return the image that a digest names; DataFault where the digest names an index."""
    content = parse(registry.manifest(repository, digest).body, f"{repository}@{digest}")
    if not isinstance(content, Image):
        raise DataFault(
            f"{repository}@{digest} is an index",
            found="an index leaves the choice of architecture to the node's runtime",
            next_step="lab images resolve",
            code="E_ARCH",
        )
    return content


def built_for(registry: Registry, repository: str, image: Image, origin: str) -> Built:
    """Return the platform in an image's own configuration.

    Args:
        registry: Holds the image.
        repository: Of the image.
        image: Names its configuration.
        origin: The image's name, for the error.

    Raises:
        DataFault: The configuration names no platform.
    """
    return parse_config(registry.blob(repository, image.config.digest), origin)
