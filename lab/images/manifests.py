"""Parses the documents of a registry: an index of architectures, an image with its layers, a configuration."""

from typing import Annotated, Final, NamedTuple

from pydantic import BaseModel, Field, ValidationError

from lab.errors import DataFault
from lab.images.validation import first_mistake

INDEX_TYPES: Final = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
IMAGE_TYPES: Final = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
DIGEST: Final = r"sha256:[0-9a-f]{64}"
ATTESTS: Final = "vnd.docker.reference.type"
"""Annotation of index entries that describe an image and hold none."""


class Choice(NamedTuple):
    """One image of an index; fields of the platform are empty where the index leaves them out."""

    digest: str
    architecture: str = ""
    os: str = ""
    variant: str = ""


class Blob(NamedTuple):
    """A part of an image: its digest, its size in bytes."""

    digest: str
    size: int


class Image(NamedTuple):
    """One image: its configuration and its layers, the lowest first."""

    config: Blob
    layers: tuple[Blob, ...]


class Built(NamedTuple):
    """The platform that an image's configuration names."""

    architecture: str
    os: str


Digest = Annotated[str, Field(pattern=f"^{DIGEST}$")]


class _Platform(BaseModel):
    architecture: str = ""
    os: str = ""
    variant: str = ""


class _Descriptor(BaseModel):
    digest: Digest
    size: int = Field(ge=0)
    platform: _Platform | None = None
    annotations: dict[str, str] | None = None

    def attests(self) -> bool:
        platform = self.platform or _Platform()
        return ATTESTS in (self.annotations or {}) or "unknown" in {platform.architecture, platform.os}


class _Document(BaseModel):
    manifests: list[_Descriptor] | None = None
    config: _Descriptor | None = None
    layers: list[_Descriptor] | None = None


class _Tags(BaseModel):
    tags: list[str] | None = None


class _Config(BaseModel):
    architecture: str
    os: str


def parse(body: bytes, origin: str) -> Image | tuple[Choice, ...]:
    """Return one image, or the images of an index without its attestations.

    Args:
        body: The document as the registry served it.
        origin: The image's name, for the error.

    Raises:
        DataFault: The document is neither.
    """
    try:
        document = _Document.model_validate_json(body)
    except ValidationError as error:
        raise _unreadable(origin, error) from error
    if document.manifests is not None:
        return tuple(_choice(entry) for entry in document.manifests if not entry.attests())
    if document.config is None or document.layers is None:
        raise DataFault(
            f"cannot use {origin}",
            found="its manifest is neither an index nor an image (schema 1, perhaps)",
            next_step="lab images build",
        )
    return Image(
        Blob(document.config.digest, document.config.size),
        tuple(Blob(layer.digest, layer.size) for layer in document.layers),
    )


def parse_config(body: bytes, origin: str) -> Built:
    """Return the platform in an image's configuration; DataFault where it names none."""
    try:
        config = _Config.model_validate_json(body)
    except ValidationError as error:
        raise _unreadable(origin, error) from error
    return Built(config.architecture, config.os)


def parse_tags(body: bytes, origin: str) -> tuple[str, ...]:
    """Return the tags in a registry's answer; DataFault where the answer lists none."""
    try:
        return tuple(_Tags.model_validate_json(body).tags or ())
    except ValidationError as error:
        raise _unreadable(origin, error) from error


def _choice(entry: _Descriptor) -> Choice:
    platform = entry.platform or _Platform()
    return Choice(entry.digest, platform.architecture, platform.os, platform.variant)


def _unreadable(origin: str, error: ValidationError) -> DataFault:
    return DataFault(f"cannot read what the registry holds as {origin}", found=first_mistake(error))
