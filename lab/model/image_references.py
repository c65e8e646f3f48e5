"""References of container images: `host:port/repository:tag` and `host:port/repository@sha256:…`."""

from typing import NamedTuple

HUB = "docker.io"
"""The registry of a reference that names none."""
LATEST = "latest"
"""The tag of a reference that names none."""
SHOWN_CHARACTERS = 8
"""Characters of a digest that are shown; enough to tell two images apart."""


class Reference(NamedTuple):
    """The parts of a reference.

    Attributes:
        registry: host:port; empty where the reference names none.
        repository: Path of the image in its registry.
        tag: Empty where there is none.
        digest: `sha256:…`; empty where there is none.
    """

    registry: str
    repository: str
    tag: str
    digest: str


def parsed(reference: str) -> Reference:
    """Return the parts of a reference.

    >>> parsed("registry.example:5000/lab/ingest-api:dev")
    Reference(registry='registry.example:5000', repository='lab/ingest-api', tag='dev', digest='')
    >>> parsed("redis:7")
    Reference(registry='', repository='redis', tag='7', digest='')
    """
    named, _, digest = reference.partition("@")
    first, slash, rest = named.partition("/")
    has_registry = bool(slash) and (bool(set(first) & set(".:")) or first == "localhost")
    registry, path = (first, rest) if has_registry else ("", named)
    folder, slash, last = path.rpartition("/")
    name, _, tag = last.partition(":")
    return Reference(registry, f"{folder}{slash}{name}", tag, digest)


def digest_of(reference: str) -> str:
    """Return the digest in a reference or an image id; empty where there is none.

    >>> digest_of("198.18.0.1:5000/ingest-api@sha256:ab12"), digest_of("sha256:ab12"), digest_of("redis:7")
    ('sha256:ab12', 'sha256:ab12', '')
    """
    return reference[reference.index("sha256:") :] if "sha256:" in reference else ""


def registry_of(reference: str) -> str:
    """Return the registry that a reference names; Docker Hub where it names none.

    >>> registry_of("198.18.0.1:5000/app:1"), registry_of("redis:7")
    ('198.18.0.1:5000', 'docker.io')
    """
    return parsed(reference).registry or HUB


def without_version(reference: str) -> str:
    """Return a reference without tag and digest.

    >>> without_version("198.18.0.1:5000/app:1"), without_version("198.18.0.1:5000/app@sha256:ab")
    ('198.18.0.1:5000/app', '198.18.0.1:5000/app')
    """
    parts = parsed(reference)
    return "/".join(filter(None, (parts.registry, parts.repository)))


def short(reference: str) -> str:
    """Return name and first characters of the digest, else name and tag.

    >>> short("198.18.0.1:5000/lab/worker@sha256:53ef817b9912"), short("redis:7")
    ('worker@53ef817b…', 'redis:7')
    """
    parts = parsed(reference)
    name = parts.repository.rpartition("/")[2]
    if parts.digest:
        return f"{name}@{parts.digest.removeprefix('sha256:')[:SHOWN_CHARACTERS]}…"
    return ":".join(filter(None, (name, parts.tag)))


def shortened(reference: str) -> str:
    """Return a whole reference, with its digest cut to what tells images apart.

    >>> shortened("198.18.0.1:5000/app@sha256:53ef817b99"), shortened("redis:7")
    ('198.18.0.1:5000/app@53ef817b…', 'redis:7')
    """
    name, at, _ = reference.partition("@sha256:")
    folder = name.rpartition("/")[0]
    return "/".join(filter(None, (folder, short(reference)))) if at else reference
