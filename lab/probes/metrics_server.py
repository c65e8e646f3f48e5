"""Looks at the metrics server: whether it answers, which version it is, and whether it takes what is written to it."""

import http.client
import json
import ssl
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from lab.probes.trust import trusted
from lab.settings import text_of
from lab.snapshots.probes import PrometheusProbe

TIMEOUT_S: Final = 5.0
WRITE_PATH: Final = "/api/v1/write"
NOTHING: Final = b"\x00"
"""No sample, as Snappy packs it: taken, and changes nothing."""
WRITE_HEADERS: Final = {
    "Content-Type": "application/x-protobuf",
    "Content-Encoding": "snappy",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}
OFF: Final = frozenset({404, 405})
"""Prometheus answers 404 while its receiver is off: "remote write receiver needs to be enabled with …"."""
DENIED: Final = frozenset({401, 403})
LARGEST: Final = 1 << 16


class PrometheusLook(NamedTuple):
    """What was seen: the probe, and the server's version; empty where it does not say."""

    probe: PrometheusProbe
    version: str = ""


def probe_prometheus(
    url: str, *, authorization_file: Path | None = None, ca_file: Path | None = None
) -> PrometheusProbe:
    """Whether it answers, and whether its remote-write receiver is on; no sample is written.

    Raises:
        BadConfig: The file of the authorization or of the CA cannot be read.
    """
    return look_at_prometheus(url, authorization_file=authorization_file, ca_file=ca_file).probe


def look_at_prometheus(
    url: str, *, authorization_file: Path | None = None, ca_file: Path | None = None
) -> PrometheusLook:
    """The same with the version.

    Raises:
        BadConfig: The file of the authorization or of the CA cannot be read.
    """
    headers = {"Authorization": text_of(authorization_file)} if authorization_file else {}
    try:
        asked = _Asked(url, headers, ca_file)
        status, said = asked.get("/api/v1/status/buildinfo")
        if status in DENIED or status >= 500:
            return PrometheusLook(PrometheusProbe(url, reachable=True, error=f"{status}: {said[:160].strip()}"))
        receives, why = _receiver(*asked.post(WRITE_PATH, NOTHING, WRITE_HEADERS))
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        # Whoever shows a certificate that does not convince is there.
        return PrometheusLook(PrometheusProbe(url, reachable=isinstance(error, ssl.SSLError), error=str(reason)))
    return PrometheusLook(PrometheusProbe(url, reachable=True, receives=receives, error=why), _version(said))


def _receiver(status: int, said: str) -> tuple[bool | None, str]:
    """Whether the receiver is on, None where that cannot be told, and what the server said against it."""
    if status < 300:
        return True, ""
    return (False if status in OFF else None), f"{status}: {said[:160].strip()}"


class _Asked:
    """One server; a connection for every question."""

    def __init__(self, url: str, headers: dict[str, str], ca_file: Path | None) -> None:
        self._parts, self._headers = urlsplit(url), headers
        if self._parts.scheme not in {"http", "https"} or not self._parts.hostname:
            raise ValueError("not an address: http://host:port is needed")
        secure = self._parts.scheme == "https"
        self._trust = trusted(ca_file) if secure else None

    def get(self, path: str) -> tuple[int, str]:
        return self._ask("GET", path, b"", {})

    def post(self, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
        return self._ask("POST", path, body, headers)

    def _ask(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
        host, port = self._parts.hostname or "", self._parts.port
        connection = (
            http.client.HTTPSConnection(host, port, timeout=TIMEOUT_S, context=self._trust)
            if self._trust
            else http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
        )
        try:
            connection.request(method, self._parts.path.rstrip("/") + path, body or None, {**self._headers, **headers})
            answer = connection.getresponse()
            return answer.status, answer.read(LARGEST).decode("utf-8", "replace")
        finally:
            connection.close()


def _version(said: str) -> str:
    try:
        return str(json.loads(said)["data"]["version"])
    except (ValueError, KeyError, TypeError):
        return ""
