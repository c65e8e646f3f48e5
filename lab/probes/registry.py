"""Looks at the registry: whether it answers, and what it holds under a name."""

import difflib
from collections.abc import Iterable
from contextlib import suppress
from typing import Final, Literal

from lab.errors import Forbidden, LabError
from lab.images.access import RegistryAccess, registry_access
from lab.images.manifests import Choice, Image, parse, parse_config
from lab.images.refusals import MISSING
from lab.images.registry import Registry
from lab.images.resolve import SYSTEM, image_of
from lab.settings import LabSettings
from lab.snapshots.probes import ImageProbe, Platform, RegistryProbe

TAGS: Final = 5
"""How many tags are looked through for the other images of an index."""
OTHER_SCHEME: Final[dict[str, Literal["http", "https"]]] = {"E_REGISTRY_HTTP": "http", "E_REGISTRY_HTTPS": "https"}
"""Reason of an error → what the registry speaks, against the settings."""


def probe_registry(settings: LabSettings) -> RegistryProbe:
    """Whether the configured registry answers; where it speaks otherwise than configured, the error says so.

    Raises:
        BadConfig: None is configured, or the settings contradict each other.
    """
    access = registry_access(settings)
    scheme: Literal["http", "https"] = "http" if access.plain_http else "https"
    try:
        with Registry(access) as registry:
            registry.ping()
    except LabError as error:
        why = error.found or error.attempted
        if error.reason in OTHER_SCHEME:
            return RegistryProbe(access.host, reachable=True, scheme=OTHER_SCHEME[error.reason], error=why)
        answers = isinstance(error, Forbidden) or error.reason == "E_REGISTRY_CA"
        return RegistryProbe(access.host, reachable=answers, scheme=scheme if answers else "", error=why)
    return RegistryProbe(access.host, reachable=True, scheme=scheme)


def probe_images(references: Iterable[str], settings: LabSettings) -> tuple[ImageProbe, ...]:
    """What registries say of images, by tag or digest: there or not, which architectures, or which tags there are.

    The configured registry is asked as the settings say, any other by HTTPS without a name. Where nobody answers,
    `found` is None.

    Args:
        references: `host/name:tag`, `host/name@sha256:…`.
        settings: Name the registry.
    """
    return tuple(_probe(reference, settings) for reference in references)


def holds(index: str, digest: str, settings: LabSettings) -> bool:
    """Whether a registry says that a reference names an index, and that the image of a digest is in it."""
    return _probe(index, settings).is_index_of(digest)


def access_to(host: str, settings: LabSettings) -> RegistryAccess:
    """How a host is spoken to: as configured, if it is the configured one."""
    configured = registry_access(settings) if settings.registry else None
    return configured if configured and configured.host == host else RegistryAccess(host)


def split_reference(reference: str) -> tuple[str, str, str]:
    """Host, repository, and tag or digest.

    >>> split_reference("registry.example:5000/lab/ingest-api:dev")
    ('registry.example:5000', 'lab/ingest-api', 'dev')
    """
    named, _, digest = reference.partition("@")
    host, _, rest = named.partition("/")
    repository, _, tag = rest.partition(":")
    return host, repository, digest or tag or "latest"


def _probe(reference: str, settings: LabSettings) -> ImageProbe:
    host, repository, wanted = split_reference(reference)
    try:
        with Registry(access_to(host, settings)) as registry:
            try:
                return _held(registry, reference, repository, wanted)
            except LabError as error:
                if error.reason != MISSING:
                    raise
                return _absent(registry, reference, repository, wanted)
    except LabError:
        return ImageProbe(reference)


def _held(registry: Registry, reference: str, repository: str, wanted: str) -> ImageProbe:
    document = registry.manifest(repository, wanted)
    held = parse(document.body, reference)
    if isinstance(held, Image):
        built = parse_config(registry.blob(repository, held.config.digest), reference)
        only = Platform(built.architecture, document.digest, built.architecture)
        return ImageProbe(reference, found=True, platforms=(only, *_siblings(registry, repository, document.digest)))
    platforms = _platforms(registry, repository, held)
    return ImageProbe(reference, found=True, index_digest=document.digest, platforms=platforms)


def _absent(registry: Registry, reference: str, repository: str, wanted: str) -> ImageProbe:
    """What there is in place of a tag; nobody means another image by a digest."""
    tags = registry.tags(repository)
    nearest = "" if ":" in wanted else next(iter(difflib.get_close_matches(wanted, tags, n=1, cutoff=0.0)), "")
    held: tuple[Platform, ...] = ()
    with suppress(LabError):  # one that cannot be read is no help
        held = _held(registry, reference, repository, nearest).platforms if nearest else ()
    return ImageProbe(reference, found=False, platforms=held, tags=tags, nearest=nearest)


def _siblings(registry: Registry, repository: str, digest: str) -> tuple[Platform, ...]:
    """The other images of the index that a tag names and that holds an image: the same, for other architectures."""
    with suppress(LabError):  # whoever may read an image need not be allowed to see the others
        for tag in registry.tags(repository)[:TAGS]:
            document = registry.manifest(repository, tag)
            held = parse(document.body, tag)
            if not isinstance(held, Image) and digest in {choice.digest for choice in held}:
                return _platforms(registry, repository, (choice for choice in held if choice.digest != digest))
    return ()


def _platforms(registry: Registry, repository: str, held: Iterable[Choice]) -> tuple[Platform, ...]:
    """Images for this system; attestations are left out already."""
    return tuple(_platform(registry, repository, choice) for choice in held if choice.os in {"", SYSTEM})


def _platform(registry: Registry, repository: str, choice: Choice) -> Platform:
    """What the index says and what the image itself says; the latter is empty where the registry has lost it."""
    said = ""
    with suppress(LabError):
        image = image_of(registry, repository, choice.digest)
        said = parse_config(registry.blob(repository, image.config.digest), choice.digest).architecture
    return Platform(choice.architecture, choice.digest, said)
