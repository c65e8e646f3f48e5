"""What it means when a registry refuses: attempted, found, next step."""

from typing import Final

from lab.errors import BadConfig, Forbidden, LabError, Unavailable
from lab.images.access import RegistryAccess

WANTED_HTTPS: Final = ("HTTP request to an HTTPS server", "plain HTTP request was sent to HTTPS port")
"""How Go's servers and nginx say that they speak TLS."""
SAID: Final = 160
MISSING: Final = "IMAGE_MISSING"
"""Reason of the error about an image that is not there."""


def unreachable(access: RegistryAccess, why: str) -> LabError:
    """Nobody answered."""
    return Unavailable(
        f"cannot reach the registry {access.host}",
        found=why[:SAID],
        next_step=f"start it, or name another: LAB_REGISTRY=host:port      (try: curl {access.url}/v2/)",
    )


def speaks_http(access: RegistryAccess) -> LabError:
    """We spoke TLS, it answered in plain HTTP."""
    return BadConfig(
        f"cannot speak HTTPS with the registry {access.host}",
        found="it answers in plain HTTP",
        next_step="LAB_REGISTRY_INSECURE=1; builder and nodes have to know it, too: lab registry config",
        code="E_REGISTRY_HTTP",
    )


def speaks_https(access: RegistryAccess) -> LabError:
    """We spoke plain HTTP, it wanted TLS."""
    return BadConfig(
        f"cannot speak plain HTTP with the registry {access.host}",
        found="it wants HTTPS",
        next_step="LAB_REGISTRY_INSECURE=0, and LAB_REGISTRY_CA_FILE=/path/ca.crt where its CA is your own",
        code="E_REGISTRY_HTTPS",
    )


def untrusted(access: RegistryAccess, why: str) -> LabError:
    """Its certificate does not convince."""
    return BadConfig(
        f"cannot trust the certificate of the registry {access.host}",
        found=why[:SAID],
        next_step="LAB_REGISTRY_CA_FILE=/path/ca.crt      (the CA that signed it)",
        code="E_REGISTRY_CA",
    )


def unsafe_realm(access: RegistryAccess, realm: str) -> LabError:
    """It sends us for a token to a place where a password could be overheard."""
    return BadConfig(
        f"cannot sign in to the registry {access.host}",
        found=f"it sends for a token to {realm[:SAID]}, which is neither HTTPS nor the registry itself",
        next_step="let the registry's token server speak HTTPS",
    )


def refused(access: RegistryAccess, status: int, *, said: str, image: str) -> LabError:
    """An answer that is no success.

    Args:
        access: The registry.
        status: HTTP status.
        said: What stood in the answer.
        image: The repository with tag or digest that was asked for; empty for the registry itself.
    """
    if any(words in said for words in WANTED_HTTPS):
        return speaks_https(access)
    asked = f"{image} in the registry {access.host}" if image else f"the registry {access.host}"
    words = " ".join(said.split())[:SAID]
    if status in {401, 403}:
        who = f'it does not accept the user "{access.user}"' if access.user else "it wants a user"
        return Forbidden(
            f"not allowed to read {asked}",
            found=f"{status}: {who}",
            next_step="LAB_REGISTRY_USER=name LAB_REGISTRY_PASSWORD_FILE=/path/to/file",
        )
    if status == 404 and image:
        return Unavailable(
            f"there is no {asked}",
            found=words or "404",
            next_step="lab images build      (pushes it), or another tag: LAB_IMAGE_TAG=…",
            code=MISSING,
        )
    if status == 404:
        return Unavailable(
            f"{access.host} is no registry",
            found=f"{access.url}/v2/ answers 404",
            next_step="LAB_REGISTRY=host:port",
        )
    return Unavailable(f"cannot read {asked}", found=f"{status}: {words}", next_step="look into the registry's log")
