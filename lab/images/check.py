"""Checks that the registry holds the images of a lock, and that each image is for its architecture."""

import tarfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from lab.errors import BadConfig, DataFault, LabError, UsageFault
from lab.images.binaries import Binary, binaries
from lab.images.lock import ImageLock, LockedDigest
from lab.images.manifests import Built
from lab.images.registry import Registry
from lab.images.resolve import SYSTEM, built_for, image_of

UNREADABLE: Final = (tarfile.TarError, EOFError, zlib.error, OSError)
BUILD: Final = "lab images build"

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Proof:
    """The content of one image, and its first fault.

    Attributes:
        service: The service in it.
        architecture: The architecture that the lock names.
        digest: Digest of the image.
        built_for: Architecture in the image's configuration.
        interpreters: Every Python interpreter in its layers.
        natives: Number of native modules that were read besides.
        fault: What is wrong with it; None where nothing is.
    """

    service: str
    architecture: str
    digest: str
    built_for: str = ""
    interpreters: tuple[Binary, ...] = ()
    natives: int = 0
    fault: LabError | None = None


def check(registry: Registry, lock: ImageLock, progress: Progress = lambda _: None) -> tuple[Proof, ...]:
    """Read every byte of every image in the lock.

    Raises:
        LabError: The registry cannot be read, or is not the registry of the lock.
    """
    if registry.access.name != lock.registry:
        raise UsageFault(
            f"the lock is of the registry {lock.registry}",
            found=f"the settings name {registry.access.name}",
            next_step=f"LAB_REGISTRY={lock.registry} lab images check",
        )
    registry.ping()
    checker = _Checker(registry, progress)
    return tuple(checker.prove(locked) for locked in lock.entries())


def judge(name: str, architecture: str, built: Built, programs: Sequence[Binary]) -> LabError | None:
    """Return the fault of an image whose configuration, Python or native module is for another architecture."""
    if (built.architecture, built.os) != (architecture, SYSTEM):
        return _wrong(name, architecture, f"its configuration says {built.os}/{built.architecture}")
    for binary in sorted(programs, key=lambda program: not program.is_interpreter):
        if binary.architecture != architecture:
            header = f"the ELF header of {binary.path} says {binary.architecture} (e_machine {binary.e_machine})"
            return _wrong(name, architecture, f"its configuration says {built.architecture}\n{header}")
    if not any(binary.is_interpreter for binary in programs):
        return DataFault(f"cannot prove {name}", found="no Python interpreter in its layers", next_step=BUILD)
    return None


@dataclass(frozen=True, slots=True)
class _Checker:
    """Reads each layer once, however many images share it.

    Attributes:
        registry: Holds the images.
        progress: Called with each image before it is read.
        programs: Digest of a layer → its programs.
    """

    registry: Registry
    progress: Progress
    programs: dict[str, tuple[Binary, ...]] = field(default_factory=dict)

    def prove(self, locked: LockedDigest) -> Proof:
        service, architecture, digest = locked
        self.progress(f"{service} {architecture}")
        repository = self.registry.access.repository(service)
        name = f"{service}@{digest[:15]}…"
        try:
            image = image_of(self.registry, repository, digest)
            built = built_for(self.registry, repository, image, name)
            programs = [program for layer in image.layers for program in self._programs(repository, layer.digest)]
        except LabError as error:
            return Proof(service, architecture, digest, fault=error)
        return Proof(
            service,
            architecture,
            digest,
            built_for=built.architecture,
            interpreters=tuple(program for program in programs if program.is_interpreter),
            natives=sum(not program.is_interpreter for program in programs),
            fault=judge(name, architecture, built, programs),
        )

    def _programs(self, repository: str, digest: str) -> tuple[Binary, ...]:
        if digest not in self.programs:
            self.programs[digest] = self._read(repository, digest)
        else:
            with self.registry.layer(repository, digest):
                pass  # Its bytes are known. Whether this repository has them is not.
        return self.programs[digest]

    def _read(self, repository: str, digest: str) -> tuple[Binary, ...]:
        unreadable: Exception | None = None
        programs: tuple[Binary, ...] = ()
        with self.registry.layer(repository, digest) as stream:
            try:
                programs = tuple(binaries(stream))
            except UNREADABLE as error:
                unreadable = error
            # A changed layer often cannot be unpacked; the fault to report is that it was changed.
            stream.finish()
        if unreadable is not None:
            raise DataFault(
                f"cannot read a layer of {repository}",
                found=f"{digest[:19]}…: {unreadable} (gzip and plain tar are understood)",
                next_step=BUILD,
            ) from unreadable
        return programs


def _wrong(name: str, architecture: str, difference: str) -> BadConfig:
    return BadConfig(
        f"{name} is locked for {architecture} and built for another platform",
        found=difference,
        next_step=BUILD,
        code="E_ARCH",
    )
