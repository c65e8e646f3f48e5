"""From a tag to one digest per architecture."""

from collections.abc import Iterable, Sequence
from typing import Final

from lab.errors import DataFault
from lab.images.lock import ImageLock
from lab.images.manifests import Choice, Image, parse, parse_config
from lab.images.registry import Registry

SYSTEM: Final = "linux"


def resolve(registry: Registry, services: Iterable[str], tag: str) -> ImageLock:
    """The digests that were pushed for each service, by architecture.

    Raises:
        LabError: An image is missing, or what the registry holds cannot be told apart.
    """
    registry.ping()
    images = {service: _digests(registry, service, tag) for service in services}
    return ImageLock(registry.access.name, tag, images)


def by_architecture(choices: Sequence[Choice], origin: str) -> dict[str, str]:
    """Digests of the images for Linux.

    Raises:
        DataFault: There is none, or two for one architecture.
    """
    usable = [choice for choice in choices if choice.os == SYSTEM]
    digests = {choice.architecture: choice.digest for choice in usable}
    if not digests:
        raise DataFault(f"{origin} holds no image for {SYSTEM}", next_step="lab images build")
    if len(set(usable)) > len(digests):
        found = ", ".join(f"{choice.architecture}/{choice.variant or '–'}" for choice in usable)
        raise DataFault(
            f"{origin} holds two images of one architecture",
            found=f"it has: {found}; a node's runtime would choose",
            next_step="lab images build      (builds one for each)",
        )
    return digests


def _digests(registry: Registry, service: str, tag: str) -> dict[str, str]:
    repository = registry.access.repository(service)
    document = registry.manifest(repository, tag)
    origin = f"{repository}:{tag}"
    held = parse(document.body, origin)
    choices = (Choice(document.digest),) if isinstance(held, Image) else held
    return by_architecture([_complete(registry, repository, choice) for choice in choices], origin)


def _complete(registry: Registry, repository: str, choice: Choice) -> Choice:
    """The platform by the image's own configuration, where the index does not say it."""
    if choice.architecture and choice.os:
        return choice
    image = image_of(registry, repository, choice.digest)
    built = parse_config(registry.blob(repository, image.config.digest), f"{repository}@{image.config.digest}")
    return Choice(choice.digest, built.architecture, built.os)


def image_of(registry: Registry, repository: str, digest: str) -> Image:
    """The one image that a digest names; DataFault when it is an index."""
    held = parse(registry.manifest(repository, digest).body, f"{repository}@{digest}")
    if not isinstance(held, Image):
        raise DataFault(
            f"{repository}@{digest} is an index",
            found="an index leaves the choice of architecture to the node's runtime",
            next_step="lab images resolve",
            code="E_ARCH",
        )
    return held
