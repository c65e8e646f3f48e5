"""What registries store about images: an index of architectures, or one image with its layers."""

from typing import Annotated, Final, NamedTuple

from pydantic import BaseModel, Field, ValidationError

from lab.errors import DataFault

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
"""Annotation of entries that say something about an image and hold none."""


class Choice(NamedTuple):
    """One image of an index; platform fields are empty where the index does not say."""

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
    """What an image's configuration says it was built for."""

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
    """One image, or the images of an index without entries that only attest.

    Args:
        body: The document as the registry served it.
        origin: The image's name, for the error.

    Raises:
        DataFault: It is neither.
    """
    try:
        document = _Document.model_validate_json(body)
    except ValidationError as error:
        raise _unreadable(origin, error) from error
    if document.manifests is not None:
        return tuple(_choice(one) for one in document.manifests if not one.attests())
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
    """What the configuration of an image says; DataFault when it says nothing."""
    try:
        config = _Config.model_validate_json(body)
    except ValidationError as error:
        raise _unreadable(origin, error) from error
    return Built(config.architecture, config.os)


def parse_tags(body: bytes, origin: str) -> tuple[str, ...]:
    """Tags in a registry's answer; DataFault when it is none."""
    try:
        return tuple(_Tags.model_validate_json(body).tags or ())
    except ValidationError as error:
        raise _unreadable(origin, error) from error


def _choice(entry: _Descriptor) -> Choice:
    platform = entry.platform or _Platform()
    return Choice(entry.digest, platform.architecture, platform.os, platform.variant)


def _unreadable(origin: str, error: ValidationError) -> DataFault:
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return DataFault(f"cannot read what the registry holds as {origin}", found=f"{place} {first['msg']}".strip())
