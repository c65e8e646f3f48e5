"""The lock of images: the digest that each service runs on each architecture."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, NamedTuple

from pydantic import BaseModel, Field, ValidationError

from lab.errors import DataFault, Unavailable
from lab.files import write_text
from lab.images.manifests import Digest
from lab.images.validation import first_mistake

FILE_NAME: Final = "images.lock"
SCHEMA: Final = 1
AGAIN: Final = "lab images resolve"


class LockedDigest(NamedTuple):
    """The digest of one image in a lock."""

    service: str
    architecture: str
    digest: str


@dataclass(frozen=True, slots=True)
class ImageLock:
    """The images that one tag of one registry was resolved to.

    Attributes:
        registry: The beginning of image names: `host:port`, and a path where there is one.
        tag: The tag.
        images: Service → architecture → digest of the image for exactly that architecture.
    """

    registry: str
    tag: str
    images: Mapping[str, Mapping[str, str]]

    def entries(self) -> Iterator[LockedDigest]:
        """Yield every image."""
        for service, digests in self.images.items():
            for architecture, digest in digests.items():
                yield LockedDigest(service, architecture, digest)

    def architectures(self, service: str) -> tuple[str, ...]:
        """Return the architectures that a service was built for.

        Raises:
            DataFault: The lock has no image of the service.
        """
        if service not in self.images:
            raise DataFault(
                f"{FILE_NAME} holds no image of {service}", found=f"it has: {', '.join(self.images)}", next_step=AGAIN
            )
        return tuple(self.images[service])

    def reference(self, service: str, architecture: str) -> str:
        """Return the reference of an image, `host:port/name@sha256:…`.

        Raises:
            DataFault: The service has no image for this architecture.
        """
        architectures = self.architectures(service)
        if architecture not in architectures:
            raise DataFault(
                f"there is no image of {service} for {architecture}",
                found=f"{FILE_NAME} has: {', '.join(architectures)} (tag {self.tag})",
                next_step="lab images build",
                code="E_ARCH",
            )
        return f"{self.registry}/{service}@{self.images[service][architecture]}"


def locked_images(project: Path) -> Mapping[tuple[str, str], str]:
    """Return (service, architecture) → image by digest; empty where no image was built yet.

    Raises:
        DataFault: The lock cannot be read.
    """
    if not (project / FILE_NAME).exists():
        return {}
    lock = read_lock(project / FILE_NAME)
    return {
        (image.service, image.architecture): lock.reference(image.service, image.architecture)
        for image in lock.entries()
    }


class _File(BaseModel, extra="forbid"):
    version: Literal[1] = Field(alias="schema")
    registry: str = Field(min_length=1)
    tag: str = Field(min_length=1)
    images: dict[str, dict[str, Digest]]


def read_lock(path: Path) -> ImageLock:
    """Return the lock in a file.

    Raises:
        Unavailable: The file does not exist.
        DataFault: The file cannot be read.
    """
    try:
        file = _File.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise Unavailable(f"no {path.name} yet", found=f"looked for {path}", next_step=AGAIN) from error
    except (OSError, ValidationError) as error:
        why = str(error.strerror) if isinstance(error, OSError) else first_mistake(error)
        raise DataFault(f"cannot read {path}", found=why, next_step=f"{AGAIN}      (writes it anew)") from error
    return ImageLock(file.registry, file.tag, file.images)


def write_lock(lock: ImageLock, path: Path) -> None:
    """Replace the file in one step; the same images give the same bytes."""
    write_text(path, to_json(lock))


def to_json(lock: ImageLock) -> str:
    """Return the content of the file."""
    images = {service: dict(sorted(digests.items())) for service, digests in sorted(lock.images.items())}
    return json.dumps({"schema": SCHEMA, "registry": lock.registry, "tag": lock.tag, "images": images}, indent=2) + "\n"
