"""What registries answered."""

from dataclasses import dataclass
from typing import Literal

from lab.model.image_references import without_version


@dataclass(frozen=True, slots=True)
class Platform:
    """One image of an index: the architecture that the index names, and the one that the image itself names."""

    architecture: str
    digest: str
    config_architecture: str = ""

    @property
    def holds(self) -> str:
        """The architecture of the image: its own configuration counts more than the index, which can be wrong."""
        return self.config_architecture or self.architecture


@dataclass(frozen=True, slots=True)
class ImageProbe:
    """What a registry returned for one reference.

    Attributes:
        reference: With tag or digest.
        found: Whether the registry has it; None where the registry did not tell.
        index_digest: Digest of the index; empty where the reference names a single image.
        platforms: Images of the index. A single image comes first, followed by the others of the index that holds it.
            Where the tag is missing: the images of the nearest tag.
        tags: Tags of the repository, where the tag of the reference is missing.
        nearest: The tag that resembles the missing one most.
        error: Why the registry did not tell; empty where it told, and in snapshots of older labs.
    """

    reference: str
    found: bool | None = None
    index_digest: str = ""
    platforms: tuple[Platform, ...] = ()
    tags: tuple[str, ...] = ()
    nearest: str = ""
    error: str = ""

    @property
    def architecture(self) -> str:
        """The architecture of the single image that the reference names; empty where it names an index."""
        single = (platform.holds for platform in self.platforms if self.reference.endswith(f"@{platform.digest}"))
        return next(single, "")

    def image_for(self, architecture: str) -> str:
        """Return the image for an architecture, by digest; empty where there is none."""
        digests = (platform.digest for platform in self.platforms if platform.holds == architecture)
        return next((f"{without_version(self.reference)}@{digest}" for digest in digests), "")

    def is_index_of(self, digest: str) -> bool:
        """Return whether the reference names an index that holds the image of a digest."""
        return bool(self.index_digest) and any(platform.digest == digest for platform in self.platforms)


@dataclass(frozen=True, slots=True)
class RegistryProbe:
    """A registry, as the lab reaches it.

    Attributes:
        host: host:port.
        reachable: Whether it answers; None where the settings cannot be used.
        scheme: What it speaks.
        error: What it answered in place of what was expected, or why the settings cannot be used.
        reason: The error's reason, for example `E_REGISTRY_CA`.
    """

    host: str
    reachable: bool | None
    scheme: Literal["http", "https", ""] = ""
    error: str = ""
    reason: str = ""
