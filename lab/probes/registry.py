"""Asks registries: whether one answers, what it holds under a name."""

import difflib
from collections.abc import Iterable
from contextlib import suppress
from typing import Final, Literal

from lab.errors import BadConfig, Forbidden, LabError
from lab.images.access import access_to, registry_access
from lab.images.manifests import Choice, Image, parse, parse_config
from lab.images.refusals import MISSING
from lab.images.registry import Registry
from lab.images.resolve import SYSTEM, image_of
from lab.model.image_references import LATEST, parsed, registry_of
from lab.probes.error_text import cause_of_error, text_of_error
from lab.settings import LabSettings
from lab.snapshots.images import ImageProbe, Platform, RegistryProbe

SEARCHED_TAGS: Final = 5
"""Tags that are searched for the index that holds an image."""
OTHER_SCHEME: Final[dict[str, Literal["http", "https"]]] = {"E_REGISTRY_HTTP": "http", "E_REGISTRY_HTTPS": "https"}
"""Reason of an error → what the registry speaks, against the settings."""


def probe_registry(settings: LabSettings) -> RegistryProbe | None:
    """Ask the registry that the settings name; None where they name none. Every answer, and none, is a probe."""
    if not settings.registry:
        return None
    try:
        access = registry_access(settings)
    except BadConfig as error:
        host = settings.registry.partition("/")[0]
        return RegistryProbe(host, reachable=None, error=text_of_error(error), reason=error.reason)
    scheme: Literal["http", "https"] = "http" if access.plain_http else "https"
    try:
        with Registry(access) as registry:
            registry.ping()
    except LabError as error:
        scheme = OTHER_SCHEME.get(error.reason, scheme)
        answers = isinstance(error, Forbidden) or error.reason in {"E_REGISTRY_CA", *OTHER_SCHEME}
        spoken = scheme if answers else ""
        return RegistryProbe(access.host, answers, spoken, error=cause_of_error(error), reason=error.reason)
    return RegistryProbe(access.host, reachable=True, scheme=scheme)


def probe_images(references: Iterable[str], settings: LabSettings) -> tuple[ImageProbe, ...]:
    """Ask registries for images: whether each is there, for which architectures, or which tags there are instead.

    The configured registry is asked as the settings say, any other by HTTPS and anonymously. Where a registry does not
    answer, `found` is None and `error` tells why.

    Args:
        references: `host/name:tag`, `host/name@sha256:…`.
        settings: Name the registry.
    """
    return tuple(_probe(reference, settings) for reference in references)


def is_in_index(index: str, digest: str, settings: LabSettings) -> bool:
    """Return whether a reference names an index that holds the image of a digest, by the registry's word."""
    return _probe(index, settings).is_index_of(digest)


def _probe(reference: str, settings: LabSettings) -> ImageProbe:
    parts = parsed(reference)
    wanted = parts.digest or parts.tag or LATEST
    try:
        with Registry(access_to(registry_of(reference), settings)) as registry:
            try:
                return _held(registry, reference, parts.repository, wanted)
            except LabError as error:
                if error.reason != MISSING:
                    raise
                return _absent(registry, reference, parts.repository, wanted)
    except LabError as error:
        return ImageProbe(reference, error=cause_of_error(error))


def _held(registry: Registry, reference: str, repository: str, wanted: str) -> ImageProbe:
    """Return the images that a tag or digest names; a single image with the others of the index that holds it."""
    document = registry.manifest(repository, wanted)
    content = parse(document.body, reference)
    if isinstance(content, Image):
        built = parse_config(registry.blob(repository, content.config.digest), reference)
        single = Platform(built.architecture, document.digest, built.architecture)
        siblings = _siblings(registry, repository, document.digest)
        return ImageProbe(reference, found=True, platforms=(single, *siblings))
    platforms = _platforms(registry, repository, content)
    return ImageProbe(reference, found=True, index_digest=document.digest, platforms=platforms)


def _absent(registry: Registry, reference: str, repository: str, wanted: str) -> ImageProbe:
    """Return the tags that there are in place of a missing one; a digest has no neighbours."""
    tags = registry.tags(repository)
    nearest = "" if ":" in wanted else next(iter(difflib.get_close_matches(wanted, tags, n=1, cutoff=0.0)), "")
    platforms: tuple[Platform, ...] = ()
    with suppress(LabError):  # the images of the nearest tag are an offer, not the answer
        platforms = _held(registry, reference, repository, nearest).platforms if nearest else ()
    return ImageProbe(reference, found=False, platforms=platforms, tags=tags, nearest=nearest)


def _siblings(registry: Registry, repository: str, digest: str) -> tuple[Platform, ...]:
    """Return the other images of the tagged index that holds an image: the same for other architectures."""
    with suppress(LabError):  # a user who may read an image need not be allowed to list tags
        for tag in registry.tags(repository)[:SEARCHED_TAGS]:
            document = registry.manifest(repository, tag)
            content = parse(document.body, tag)
            if not isinstance(content, Image) and digest in {choice.digest for choice in content}:
                return _platforms(registry, repository, (choice for choice in content if choice.digest != digest))
    return ()


def _platforms(registry: Registry, repository: str, choices: Iterable[Choice]) -> tuple[Platform, ...]:
    """Return the images of an index for Linux; attestations are left out already."""
    return tuple(_platform(registry, repository, choice) for choice in choices if choice.os in {"", SYSTEM})


def _platform(registry: Registry, repository: str, choice: Choice) -> Platform:
    """Return the architecture that the index names and the one that the image names; empty where the image is lost."""
    architecture = ""
    with suppress(LabError):
        image = image_of(registry, repository, choice.digest)
        config = registry.blob(repository, image.config.digest)
        architecture = parse_config(config, choice.digest).architecture
    return Platform(choice.architecture, choice.digest, architecture)
