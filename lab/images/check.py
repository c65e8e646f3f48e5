"""Proof that a lock names what the registry holds, and that each image holds the architecture it says."""

import tarfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from lab.errors import BadConfig, DataFault, LabError, UsageFault
from lab.images.binaries import Binary, binaries
from lab.images.lock import ImageLock
from lab.images.manifests import Built, parse_config
from lab.images.registry import Registry
from lab.images.resolve import SYSTEM, image_of

UNREADABLE: Final = (tarfile.TarError, EOFError, zlib.error, OSError)
BUILD: Final = "lab images build"

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Proof:
    """What was read of one image, and the first thing that is wrong with it."""

    service: str
    architecture: str
    digest: str
    built_for: str = ""
    """Architecture by the image's configuration."""
    interpreters: tuple[Binary, ...] = ()
    """Every Python in its layers."""
    natives: int = 0
    """How many native modules were looked at besides."""
    fault: LabError | None = None


def check(registry: Registry, lock: ImageLock, progress: Progress = lambda _: None) -> tuple[Proof, ...]:
    """Read every byte of every image in the lock.

    Raises:
        LabError: The registry cannot be read at all, or it is not the lock's.
    """
    if registry.access.name != lock.registry:
        raise UsageFault(
            f"the lock is of the registry {lock.registry}",
            found=f"the settings name {registry.access.name}",
            next_step=f"LAB_REGISTRY={lock.registry} lab images check",
        )
    registry.ping()
    checker = _Checker(registry, progress)
    return tuple(
        checker.prove(service, architecture, digest)
        for service, built in lock.images.items()
        for architecture, digest in built.items()
    )


def judge(name: str, architecture: str, built: Built, found: Sequence[Binary]) -> LabError | None:
    """What is wrong with an image: its configuration, its Python, or a native module is for another machine."""
    if (built.architecture, built.os) != (architecture, SYSTEM):
        return _wrong(name, architecture, f"its configuration says {built.os}/{built.architecture}")
    for binary in sorted(found, key=lambda one: not one.is_interpreter):
        if binary.architecture != architecture:
            says = f"the ELF header of {binary.path} says {binary.architecture} (e_machine {binary.e_machine})"
            return _wrong(name, architecture, f"its configuration says {built.architecture}\n{says}")
    if not any(binary.is_interpreter for binary in found):
        return DataFault(f"cannot prove {name}", found="no Python interpreter in its layers", next_step=BUILD)
    return None


@dataclass(frozen=True, slots=True)
class _Checker:
    """Reads each layer once, however many images share it."""

    registry: Registry
    progress: Progress
    seen: dict[str, tuple[Binary, ...]] = field(default_factory=dict)

    def prove(self, service: str, architecture: str, digest: str) -> Proof:
        self.progress(f"{service} {architecture}")
        repository = self.registry.access.repository(service)
        name = f"{service}@{digest[:15]}…"
        try:
            image = image_of(self.registry, repository, digest)
            built = parse_config(self.registry.blob(repository, image.config.digest), name)
            found = [binary for layer in image.layers for binary in self._binaries(repository, layer.digest)]
        except LabError as error:
            return Proof(service, architecture, digest, fault=error)
        return Proof(
            service,
            architecture,
            digest,
            built_for=built.architecture,
            interpreters=tuple(binary for binary in found if binary.is_interpreter),
            natives=sum(not binary.is_interpreter for binary in found),
            fault=judge(name, architecture, built, found),
        )

    def _binaries(self, repository: str, digest: str) -> tuple[Binary, ...]:
        if digest not in self.seen:
            self.seen[digest] = self._read(repository, digest)
        else:
            with self.registry.layer(repository, digest):
                pass  # its bytes are known; that this repository has them is not
        return self.seen[digest]

    def _read(self, repository: str, digest: str) -> tuple[Binary, ...]:
        unreadable: Exception | None = None
        found: tuple[Binary, ...] = ()
        with self.registry.layer(repository, digest) as stream:
            try:
                found = tuple(binaries(stream))
            except UNREADABLE as error:
                unreadable = error
            # A layer that was changed cannot be unpacked, often; that it was changed is what has to be said.
            stream.finish()
        if unreadable is not None:
            raise DataFault(
                f"cannot read a layer of {repository}",
                found=f"{digest[:19]}…: {unreadable} (gzip and plain tar are understood)",
                next_step=BUILD,
            ) from unreadable
        return found


def _wrong(name: str, architecture: str, found: str) -> BadConfig:
    return BadConfig(f"{name}, locked for {architecture}, is not", found=found, next_step=BUILD, code="E_ARCH")
