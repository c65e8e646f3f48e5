"""The lock of images: which digest each service runs on each architecture."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, Field, ValidationError

from lab.errors import DataFault, Unavailable
from lab.images.manifests import DIGEST

FILE_NAME: Final = "images.lock"
SCHEMA: Final = 1
AGAIN: Final = "lab images resolve"


@dataclass(frozen=True, slots=True)
class ImageLock:
    """What was resolved from one tag of one registry."""

    registry: str
    """How image names begin: `host:port`, and a path where there is one."""
    tag: str
    images: Mapping[str, Mapping[str, str]]
    """Service → architecture → digest of exactly that architecture's image."""

    def architectures(self, service: str) -> tuple[str, ...]:
        """What a service was built for.

        Raises:
            DataFault: The lock does not know it.
        """
        if service not in self.images:
            raise DataFault(
                f"{FILE_NAME} holds no image of {service}", found=f"it has: {', '.join(self.images)}", next_step=AGAIN
            )
        return tuple(self.images[service])

    def reference(self, service: str, architecture: str) -> str:
        """The image by digest, `host:port/name@sha256:…`.

        Raises:
            DataFault: There is none for this architecture.
        """
        built = self.architectures(service)
        if architecture not in built:
            raise DataFault(
                f"there is no image of {service} for {architecture}",
                found=f"{FILE_NAME} has: {', '.join(built)} (tag {self.tag})",
                next_step="lab images build",
                code="E_ARCH",
            )
        return f"{self.registry}/{service}@{self.images[service][architecture]}"


class _File(BaseModel, extra="forbid"):
    version: Literal[1] = Field(alias="schema")
    registry: str = Field(min_length=1)
    tag: str = Field(min_length=1)
    images: dict[str, dict[str, Annotated[str, Field(pattern=f"^{DIGEST}$")]]]


def read_lock(path: Path) -> ImageLock:
    """The lock in a file.

    Raises:
        Unavailable: There is none.
        DataFault: It cannot be read.
    """
    try:
        file = _File.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise Unavailable(f"no {path.name} yet", found=f"looked for {path}", next_step=AGAIN) from error
    except (OSError, ValidationError) as error:
        raise DataFault(f"cannot read {path}", found=_why(error), next_step=f"{AGAIN}      (writes it anew)") from error
    return ImageLock(file.registry, file.tag, file.images)


def write_lock(lock: ImageLock, path: Path) -> None:
    """Replace the file in one step; it is the same, byte for byte, when the images are."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    beside.write_text(to_json(lock), encoding="utf-8")
    beside.replace(path)


def to_json(lock: ImageLock) -> str:
    """What stands in the file."""
    images = {service: dict(sorted(built.items())) for service, built in sorted(lock.images.items())}
    return json.dumps({"schema": SCHEMA, "registry": lock.registry, "tag": lock.tag, "images": images}, indent=2) + "\n"


def _why(error: OSError | ValidationError) -> str:
    if isinstance(error, OSError):
        return str(error.strerror)
    first = error.errors(include_url=False)[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}".removeprefix(": ")
