"""The lab's errors for the refusals of a registry."""

from typing import Final

from lab.errors import BadConfig, Forbidden, LabError, Unavailable
from lab.images.access import RegistryAccess

WANTED_HTTPS: Final = ("HTTP request to an HTTPS server", "plain HTTP request was sent to HTTPS port")
"""The words of Go's servers and of nginx where they speak TLS."""
LONGEST: Final = 160
"""Characters of a registry's words that are shown."""
MISSING: Final = "IMAGE_MISSING"
"""Reason of the error for an image that the registry does not have."""


def unreachable(access: RegistryAccess, why: str) -> LabError:
    """Return the error for a registry that does not answer."""
    return Unavailable(
        f"cannot reach the registry {access.host}",
        found=why[:LONGEST],
        next_step=f"start it, or name another: LAB_REGISTRY=host:port      (try: curl {access.url}/v2/)",
    )


def speaks_http(access: RegistryAccess) -> LabError:
    """Return the error for a registry that answers TLS in plain HTTP."""
    return BadConfig(
        f"cannot speak HTTPS with the registry {access.host}",
        found="it answers in plain HTTP",
        next_step="LAB_REGISTRY_INSECURE=1; builder and nodes need to know that, too: lab registry config",
        code="E_REGISTRY_HTTP",
    )


def speaks_https(access: RegistryAccess) -> LabError:
    """Return the error for a registry that answers plain HTTP by asking for TLS."""
    return BadConfig(
        f"cannot speak plain HTTP with the registry {access.host}",
        found="it wants HTTPS",
        next_step="LAB_REGISTRY_INSECURE=0, and LAB_REGISTRY_CA_FILE=/path/ca.crt where its CA is your own",
        code="E_REGISTRY_HTTPS",
    )


def untrusted(access: RegistryAccess, why: str) -> LabError:
    """Return the error for a certificate that no trusted CA signed."""
    return BadConfig(
        f"cannot trust the certificate of the registry {access.host}",
        found=why[:LONGEST],
        next_step="LAB_REGISTRY_CA_FILE=/path/ca.crt      (the CA that signed it)",
        code="E_REGISTRY_CA",
    )


def unsafe_realm(access: RegistryAccess, realm: str) -> LabError:
    """Return the error for a token server to which the password would travel unencrypted."""
    return BadConfig(
        f"cannot sign in to the registry {access.host}",
        found=f"its token server is {realm[:LONGEST]}, which is neither HTTPS nor the registry itself",
        next_step="let the registry's token server speak HTTPS",
    )


def unusable_realm(access: RegistryAccess, realm: str, why: str) -> LabError:
    """Return the error for a token server whose address cannot be parsed."""
    return BadConfig(
        f"cannot sign in to the registry {access.host}",
        found=f"its token server is {realm[:LONGEST]}: {why[:LONGEST]}",
        next_step="look into the registry's configuration of its token server",
    )


def refused(access: RegistryAccess, status: int, *, body: str, image: str) -> LabError:
    """Return the error for an answer that is no success.

    Args:
        access: The registry.
        status: HTTP status.
        body: Content of the answer.
        image: The repository with the tag or digest of the request; empty for the registry itself.
    """
    if any(words in body for words in WANTED_HTTPS):
        return speaks_https(access)
    place = f"{image} in the registry {access.host}" if image else f"the registry {access.host}"
    words = " ".join(body.split())[:LONGEST]
    if status in {401, 403}:
        why = f'it does not accept the user "{access.user}"' if access.user else "it wants a user"
        return Forbidden(
            f"not allowed to read {place}",
            found=f"{status}: {why}",
            next_step="LAB_REGISTRY_USER=name LAB_REGISTRY_PASSWORD_FILE=/path/to/file",
        )
    if status == 404 and image:
        return Unavailable(
            f"there is no {place}",
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
    return Unavailable(f"cannot read {place}", found=f"{status}: {words}", next_step="look into the registry's log")
