"""Tells from a builder's output why a build failed."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from lab.errors import BadConfig, DataFault, Forbidden, LabError, Unavailable
from lab.images.access import RegistryAccess
from lab.images.registry_config import MAKE_BUILDER, MAKE_CONFIGURED

CONFIGURED: Final = f"lab registry config --write . && docker buildx rm -f lab; {MAKE_CONFIGURED}"
SHOWN: Final = 2
"""Lines of an unknown complaint."""
LONGEST: Final = 160
"""Characters of a line."""


def explain(lines: Sequence[str], access: RegistryAccess, log: Path) -> LabError:
    """Return the known cause that the output names, else an error with its last lines.

    Args:
        lines: Output of the builder.
        access: The registry that it was to push to.
        log: The file that holds the whole output.
    """
    for pattern, fault in CAUSES:
        if complaint := next((line for line in reversed(lines) if re.search(pattern, line)), None):
            return fault(access, _shown(complaint))
    last = [_shown(line) for line in lines if line.strip()][-SHOWN:]
    return LabError("the images could not be built", found="\n".join([*last, f"all of it: {log}"]))


def _speaks_http(access: RegistryAccess, complaint: str) -> LabError:
    return BadConfig(
        f"the builder speaks HTTPS to a registry that answers in plain HTTP (yours is {access.host})",
        found=complaint,
        next_step=CONFIGURED,
        code="E_REGISTRY_HTTP",
    )


def _untrusted(access: RegistryAccess, complaint: str) -> LabError:
    return BadConfig(
        f"the builder does not trust the certificate of a registry (yours is {access.host})",
        found=complaint,
        next_step=CONFIGURED,
        code="E_REGISTRY_CA",
    )


def _one_platform(_: RegistryAccess, complaint: str) -> LabError:
    return BadConfig("this builder builds for one platform only", found=complaint, next_step=MAKE_BUILDER)


def _no_builder(_: RegistryAccess, complaint: str) -> LabError:
    return BadConfig(
        "docker buildx has no such builder",
        found=complaint,
        next_step=f"{MAKE_BUILDER}      (docker buildx ls shows those that there are)",
    )


def _no_daemon(_: RegistryAccess, complaint: str) -> LabError:
    return Unavailable(
        "the builder does not run", found=complaint, next_step="start docker, or use: apt install buildah"
    )


def _signed_out(access: RegistryAccess, complaint: str) -> LabError:
    return Forbidden(
        f"the builder is not allowed to push or pull (the registry is {access.host})",
        found=complaint,
        next_step=f"docker login {access.host}      (buildah login {access.host})",
    )


def _wrong_hash(_: RegistryAccess, complaint: str) -> LabError:
    return DataFault("a package is not what requirements-services.lock says", found=complaint)


def _no_wheel(_: RegistryAccess, complaint: str) -> LabError:
    return Unavailable(
        "the builder cannot get a package of requirements-services.lock",
        found=complaint,
        next_step="lab images build --wheels FOLDER      (installs from files in place of the index)",
    )


def _no_base(_: RegistryAccess, complaint: str) -> LabError:
    return Unavailable(
        "the builder cannot get the base image",
        found=complaint,
        next_step="lab images build --base NAME      (any image with Python ≥ 3.11 and pip for both platforms)",
    )


def _unreachable(access: RegistryAccess, complaint: str) -> LabError:
    return Unavailable(
        f"the builder cannot reach a registry (yours is {access.host})", found=complaint, next_step="lab images resolve"
    )


def _shown(line: str) -> str:
    """Return a line without the builder's step number; of a long line the end, where errors of Go have their cause."""
    plain = re.sub(r"^(#\d+ )?([\d.]+ )?", "", line.strip())
    return plain if len(plain) <= LONGEST else f"…{plain[1 - LONGEST :]}"


CAUSES: Final[tuple[tuple[str, Callable[[RegistryAccess, str], LabError]], ...]] = (
    (r"server gave HTTP response to HTTPS client", _speaks_http),
    (r"x509: |certificate signed by unknown authority", _untrusted),
    (r"[Mm]ulti-platform build is not supported", _one_platform),
    (r"Cannot connect to the Docker daemon|failed to connect to the docker API", _no_daemon),
    (r"no builder .* found|failed to find driver", _no_builder),
    (r"DO NOT MATCH THE HASHES", _wrong_hash),
    (r"No matching distribution found|Could not find a version", _no_wheel),
    (r"40[13] (Unauthorized|Forbidden)|authentication required|authorization failed|access denied", _signed_out),
    (
        r"(failed to resolve source metadata|creating build container).*(not found|manifest unknown|no such host)",
        _no_base,
    ),
    (r"connection refused|i/o timeout|no route to host", _unreachable),
)
"""Pattern of a line → what the line means; the first pattern that occurs counts."""
