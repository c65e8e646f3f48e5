"""The client of a registry's API, version 2; the only user of httpx."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple, Self
from urllib.request import parse_http_list, parse_keqv_list

import httpx

from lab.errors import DataFault, LabError
from lab.images import refusals
from lab.images.access import RegistryAccess
from lab.images.manifests import IMAGE_TYPES, INDEX_TYPES, parse_tags
from lab.images.streams import VerifiedStream, digest_of, verify
from lab.settings import LOOPBACK
from lab.trust import tls_context

TIMEOUT_S: Final = 20.0
"""For connecting, and between two chunks."""
BEGINNING: Final = 1 << 16
"""Bytes of an error that are read."""
LARGEST: Final = 4 << 20
"""Bytes of a manifest or configuration; the specification asks registries to take 4 MiB."""


class Document(NamedTuple):
    """A manifest or index as the registry served it, with the digest of its bytes."""

    digest: str
    body: bytes


class Registry:
    """Reads manifests and blobs; everything that it returns has been compared with its digest."""

    def __init__(self, access: RegistryAccess) -> None:
        self.access = access
        self._client = httpx.Client(
            base_url=access.url,
            auth=_Challenged(access),
            verify=tls_context(access.ca_file),
            timeout=TIMEOUT_S,
            follow_redirects=True,
            headers={"Accept-Encoding": "identity"},
            trust_env=httpx.URL(access.url).host not in LOOPBACK,  # no proxy is asked for this machine
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def ping(self) -> None:
        """Ask the registry for its version.

        Raises:
            LabError: The registry does not answer, or does not let us in.
        """
        with self._get("/v2/") as response:
            _small(response, self.access.host)

    def manifest(self, repository: str, reference: str) -> Document:
        """Return the manifest or index that a tag or digest names.

        Raises:
            LabError: The registry does not have it, or its bytes do not have its digest.
        """
        image = _named(repository, reference)
        # Without these types the registry answers 404 for an OCI index.
        accept = {"Accept": ", ".join((*INDEX_TYPES, *IMAGE_TYPES))}
        with self._get(f"/v2/{repository}/manifests/{reference}", image=image, headers=accept) as response:
            body = _small(response, image)
            promised = response.headers.get("Docker-Content-Digest", "")
        digest = digest_of(body)
        verify(digest, reference if ":" in reference else promised or digest, image)
        return Document(digest, body)

    def tags(self, repository: str) -> tuple[str, ...]:
        """Return the tags of a repository; empty where the registry has no such repository."""
        try:
            with self._get(f"/v2/{repository}/tags/list", image=repository) as response:
                body = _small(response, repository)
        except LabError as error:
            if error.reason == refusals.MISSING:
                return ()
            raise
        return parse_tags(body, repository)

    def blob(self, repository: str, digest: str) -> bytes:
        """Return a small blob, such as a configuration."""
        image = _named(repository, digest)
        with self._get(f"/v2/{repository}/blobs/{digest}", image=image) as response:
            body = _small(response, image)
        verify(digest_of(body), digest, image)
        return body

    @contextmanager
    def layer(self, repository: str, digest: str) -> Iterator[VerifiedStream]:
        """Yield a layer as it arrives; its reader calls `finish`."""
        image = _named(repository, digest)
        with self._get(f"/v2/{repository}/blobs/{digest}", image=image) as response:
            yield VerifiedStream(response.iter_raw(), digest, image)

    @contextmanager
    def _get(self, path: str, *, image: str = "", headers: dict[str, str] | None = None) -> Iterator[httpx.Response]:
        try:
            with self._client.stream("GET", path, headers=headers) as response:
                if not response.is_success:
                    raise refusals.refused(self.access, response.status_code, body=_beginning(response), image=image)
                yield response
        except httpx.HTTPError as error:
            raise self._translated(error) from error

    def _translated(self, error: httpx.HTTPError) -> LabError:
        """Return the lab's error for an error of httpx."""
        why = str(error) or type(error).__name__
        if "WRONG_VERSION_NUMBER" in why or "record layer failure" in why.lower():
            return refusals.speaks_http(self.access)
        if "CERTIFICATE_VERIFY_FAILED" in why:
            return refusals.untrusted(self.access, why.partition("CERTIFICATE_VERIFY_FAILED] ")[2] or why)
        if isinstance(error, httpx.RemoteProtocolError) and "illegal" in why.lower():
            return refusals.speaks_https(self.access)
        return refusals.unreachable(self.access, why)


class _Challenged(httpx.Auth):
    """Signs in as the registry demands: not at all, by password, or by a token of the server that it names."""

    def __init__(self, access: RegistryAccess) -> None:
        self._access = access
        self._basic = httpx.BasicAuth(access.user, access.password()) if access.user else None
        self._tokens: dict[str, str] = {}

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Send a request; where it is refused, sign in and send it again."""
        scope = request.url.path.rpartition("/blobs/")[0] or request.url.path.rpartition("/manifests/")[0]
        if token := self._tokens.get(scope):
            request.headers["Authorization"] = token
        response = yield request
        # A redirect leads to the storage of another party, which gets no credentials.
        if response.status_code != 401 or response.url.host != request.url.host:
            return
        scheme, _, rest = response.headers.get("WWW-Authenticate", "").partition(" ")
        if scheme.lower() == "basic" and self._basic:
            yield from self._basic.sync_auth_flow(request)
        elif scheme.lower() == "bearer":
            response = yield self._token_request(_parameters(rest))
            if response.is_success:
                self._tokens[scope] = request.headers["Authorization"] = f"Bearer {_token(response)}"
                yield request

    def _token_request(self, challenge: dict[str, str]) -> httpx.Request:
        realm = challenge.pop("realm", "")
        if not realm.startswith(("https://", f"{self._access.url}/")):
            raise refusals.unsafe_realm(self._access, realm)
        parameters = {name: value for name, value in challenge.items() if name in {"service", "scope"}}
        try:
            request = httpx.Request("GET", httpx.URL(realm).copy_merge_params(parameters))
        except httpx.InvalidURL as error:
            raise refusals.unusable_realm(self._access, realm, str(error)) from error
        return next(self._basic.sync_auth_flow(request)) if self._basic else request


def _parameters(challenge: str) -> dict[str, str]:
    """Return the parameters of a challenge; those without a value are left out."""
    return parse_keqv_list([parameter for parameter in parse_http_list(challenge) if parameter.partition("=")[2]])


def _token(response: httpx.Response) -> str:
    """Return the token in a token server's answer; empty where there is none, which the registry then refuses."""
    response.read()
    try:
        body = response.json()
    except ValueError:
        return ""
    return str(body.get("token") or body.get("access_token") or "") if isinstance(body, dict) else ""


def _beginning(response: httpx.Response) -> str:
    """Return the beginning of an error's text, of which one line is shown."""
    body = bytearray()
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) >= BEGINNING:
            break
    return body[:BEGINNING].decode(errors="replace")


def _small(response: httpx.Response, image: str) -> bytes:
    body = bytearray()
    for chunk in response.iter_raw():
        body += chunk
        if len(body) > LARGEST:
            raise DataFault(f"cannot use {image}", found=f"its description is larger than {LARGEST >> 20} MiB")
    return bytes(body)


def _named(repository: str, reference: str) -> str:
    return f"{repository}{'@' if ':' in reference else ':'}{reference}"
