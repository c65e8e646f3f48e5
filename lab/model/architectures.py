"""Names of processor architectures: those of kernels, and those of Kubernetes and image registries."""

from collections.abc import Mapping
from typing import Final

NAMES: Final[Mapping[str, str]] = {
    "x86_64": "amd64",
    "i386": "386",
    "i686": "386",
    "aarch64": "arm64",
    "armv6l": "arm",
    "armv7l": "arm",
    "armv8l": "arm",
}
"""Machine, as a kernel names it → architecture, as Kubernetes names it."""
PROCESSORS: Final[Mapping[str, str]] = {"386": "amd64", "arm": "arm64"}
"""Architecture of 32 bits → architecture of 64 bits whose processors run it without an emulator."""


def architecture_of(machine: str) -> str:
    """Return what Kubernetes calls a machine; an unknown name stays as it is.

    >>> architecture_of("aarch64"), architecture_of("armv7l"), architecture_of("amd64")
    ('arm64', 'arm', 'amd64')
    """
    return NAMES.get(machine, machine)


def processor_of(machine: str) -> str:
    """Return the architecture of the processors that run a machine's programs without an emulator.

    >>> processor_of("armv7l"), processor_of("x86_64")
    ('arm64', 'amd64')
    """
    architecture = architecture_of(machine)
    return PROCESSORS.get(architecture, architecture)


def machine_of(architecture: str) -> str:
    """Return the machine that a kernel reports on an architecture; empty for an unknown architecture.

    >>> machine_of("arm64")
    'aarch64'
    """
    return next((machine for machine, name in NAMES.items() if name == architecture), "")
