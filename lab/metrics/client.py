"""The HTTP client of a Prometheus server; the only user of prometheus_api_client."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypedDict, TypeVar
from urllib.parse import urlsplit

import requests
from prometheus_api_client import PrometheusConnect
from prometheus_api_client.exceptions import PrometheusApiClientException
from requests.adapters import HTTPAdapter

from lab.metrics.refusals import PrometheusFault, Refusal, fault, refuse_errors
from lab.settings import REMOTE_WRITE_PATH, text_of
from lab.trust import tls_context

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from lab.settings import LabSettings

NO_SAMPLES: Final = b"\x00"
"""A write request without a sample, packed by Snappy; a receiver takes it and stores nothing."""
WRITE_HEADERS: Final = {
    "Content-Type": "application/x-protobuf",
    "Content-Encoding": "snappy",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}
DENIED: Final = frozenset({401, 403})
STATES: Final[Mapping[int, Literal["off", "denied"]]] = {404: "off", 405: "off", 401: "denied", 403: "denied"}
"""HTTP status of a write → state of the receiver; Prometheus answers 404 while its receiver is off."""
LONGEST_QUERY: Final = 160

T = TypeVar("T")


class Result(TypedDict, total=False):
    """One series of an answer: `value` of an instant query, `values` of a range; [seconds since the epoch, text]."""

    metric: dict[str, str]
    value: tuple[float, str]
    values: list[tuple[float, str]]


class RemoteWrite(NamedTuple):
    """The state of a remote-write receiver, and the server's words (`404: …`) unless it is on."""

    state: Literal["on", "off", "denied", "unknown"]
    detail: str = ""


class PrometheusClient:
    """Asks one Prometheus server over HTTP; no proxy is used for an address of this machine.

    Every method raises PrometheusFault where the server gives no answer, and BadConfig where the CA file cannot be
    used.

    Args:
        url: Address of the server, for example `http://127.0.0.1:9090`.
        timeout_s: How long one answer may take.
        authorization: Value of the `Authorization` header; empty sends none.
        ca_file: Certificates to trust in place of the system's; None trusts the system's.
    """

    def __init__(
        self, url: str, *, timeout_s: float = 10.0, authorization: str = "", ca_file: Path | None = None
    ) -> None:
        self.url = url.rstrip("/")
        self._timeout_s, self._authorization, self._ca_file = timeout_s, authorization, ca_file
        self._opened: tuple[requests.Session, PrometheusConnect] | None = None

    def instant(self, promql: str, *, at_s: float | None = None) -> list[Result]:
        """Evaluate an expression at a moment, seconds since the epoch; now unless given."""
        parameters = {} if at_s is None else {"time": at_s}
        results: list[Result] = self._query(promql, lambda connect: connect.custom_query(promql, parameters))
        return results

    def over_time(self, promql: str, start_s: float, end_s: float, *, step_s: float) -> list[Result]:
        """Evaluate an expression at every step from one moment to another, both included; seconds since the epoch."""
        start, end = (datetime.fromtimestamp(seconds, UTC) for seconds in (start_s, end_s))
        # The library rounds both ends to seconds; its extra parameters win.
        exact = {"start": start_s, "end": end_s}
        results: list[Result] = self._query(
            promql, lambda connect: connect.custom_query_range(promql, start, end, f"{step_s:.3f}", exact)
        )
        return results

    def metric_names(self) -> list[str]:
        """Return the name of every metric that the server stores."""
        names: list[str] = self._query("names of metrics", lambda connect: connect.get_label_values("__name__"))
        return names

    def build_info(self) -> str:
        """Return the server's version; empty where the server answers without a version.

        Raises:
            PrometheusFault: The server gives no answer, or answers with status 401, 403, or 500 and above.
        """
        url = f"{self.url}/api/v1/status/buildinfo"
        try:
            response = self._ask(
                "cannot read the version of Prometheus", lambda session, _: session.get(url, timeout=self._timeout_s)
            )
            return str(response.json()["data"]["version"])
        except PrometheusFault as refused:
            if not refused.status or refused.status in DENIED or refused.status >= 500:
                raise
            return ""
        except (ValueError, KeyError, TypeError):
            return ""

    def receives_remote_write(self) -> RemoteWrite:
        """Return the state of the remote-write receiver, learnt from a write without samples.

        Raises:
            PrometheusFault: No server answers, or TLS fails; an HTTP status raises nothing.
        """
        try:
            response = self._ask("cannot write to Prometheus", self._write_no_samples)
        except PrometheusFault as refused:
            if not refused.status:
                raise
            return RemoteWrite(STATES.get(refused.status, "unknown"), f"{refused.status}: {refused.detail}")
        if response.is_redirect:
            return RemoteWrite("unknown", f"{response.status_code}: see {response.headers['Location']}")
        return RemoteWrite("on")

    def _write_no_samples(self, session: requests.Session, _: PrometheusConnect) -> requests.Response:
        # A redirected POST becomes a GET, whose answer says nothing about the receiver.
        url = self.url + REMOTE_WRITE_PATH
        return session.post(url, NO_SAMPLES, headers=WRITE_HEADERS, timeout=self._timeout_s, allow_redirects=False)

    def _query(self, requested: str, ask: Callable[[PrometheusConnect], T]) -> T:
        shown = requested if len(requested) <= LONGEST_QUERY else f"{requested[: LONGEST_QUERY - 3]}…"
        return self._ask(f"no data: {shown}", lambda _, connect: ask(connect))

    def _ask(self, attempted: str, ask: Callable[[requests.Session, PrometheusConnect], T]) -> T:
        try:
            return ask(*self._open())
        except (Refusal, PrometheusApiClientException, OSError, ValueError, KeyError, TypeError) as error:
            # Every error of requests is an OSError; the others are answers of a server that is no Prometheus.
            raise fault(attempted, self.url, error) from error

    def _open(self) -> tuple[requests.Session, PrometheusConnect]:
        if self._opened is None:
            address = urlsplit(self.url)
            if address.scheme not in {"http", "https"} or not address.hostname:
                raise requests.exceptions.InvalidURL(self.url)
            session = requests.Session()
            session.trust_env = not _is_loopback(address.hostname)
            session.hooks["response"].append(refuse_errors)
            if self._authorization:
                session.auth = _authorized_by(self._authorization)
            connect = PrometheusConnect(self.url, session=session, retry=0, timeout=self._timeout_s)
            if address.scheme == "https":
                session.mount(self.url, _Verifying(tls_context(self._ca_file)))
            self._opened = session, connect
        return self._opened


def open_client(url: str, settings: LabSettings, *, timeout_s: float = 10.0) -> PrometheusClient:
    """Return a client; it uses the authorization and CA of the settings only for the server that they name.

    Raises:
        BadConfig: The file of the authorization cannot be read.
    """
    if url.rstrip("/") != settings.prometheus_url.rstrip("/"):
        return PrometheusClient(url, timeout_s=timeout_s)
    file, ca_file = settings.prometheus_authorization_file, settings.prometheus_ca_file
    authorization = text_of(file) if file else ""
    return PrometheusClient(url, timeout_s=timeout_s, authorization=authorization, ca_file=ca_file)


class _Verifying(HTTPAdapter):
    """Verifies certificates by one context, in place of the bundle that comes with requests."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 - those of requests
        """Hand the context to every connection."""
        super().init_poolmanager(*args, **options, ssl_context=self._context)

    def cert_verify(self, *_: Any, **__: Any) -> None:  # noqa: ANN401 - those of requests
        """Add no authority to those of the context."""


def _is_loopback(host: str) -> bool:
    return host in {"localhost", "::1"} or host.startswith("127.")


def _authorized_by(authorization: str) -> Callable[[requests.PreparedRequest], requests.PreparedRequest]:
    """Return what gives a request its header; a header of the session would yield to the host's entry in `.netrc`."""

    def authorize(request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = authorization
        return request

    return authorize
