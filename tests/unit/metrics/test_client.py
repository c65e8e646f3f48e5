"""What the client of Prometheus makes of every status, whatever serves there."""

import contextlib
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from lab.errors import BadConfig
from lab.metrics.client import PrometheusClient, RemoteWrite, open_client
from lab.metrics.refusals import PrometheusFault
from lab.settings import LabSettings

SENTENCE = "planted words"
WITHOUT_BODY: Final = frozenset({204, 304})
ANY_ADDRESS: Final = "0.0.0.0"  # noqa: S104  nothing is bound to it
"""An address that leads to this machine, although it is none of its names."""


@contextlib.contextmanager
def answering(status: int, body: str = SENTENCE) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """Yield the URL of a server that gives every request one answer, and the headers that it was sent."""
    headers: list[dict[str, str]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        """Gives the one answer."""

        def do_GET(self) -> None:
            """Keep the headers, read the body, answer."""
            headers.append(dict(self.headers))
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            self.send_header("Location", "/login")
            self.send_header("Content-Length", "0" if status in WITHOUT_BODY else str(len(body)))
            self.end_headers()
            if status not in WITHOUT_BODY:
                self.wfile.write(body.encode())

        def do_POST(self) -> None:
            """Do the same."""
            self.do_GET()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base class
            """Be quiet."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", headers
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("status", "state"),
    [(204, "on"), (401, "denied"), (403, "denied"), (404, "off"), (405, "off"), (302, "unknown"), (503, "unknown")],
)
def test_the_state_of_a_receiver_is_told_by_the_status_of_a_write(status: int, state: str) -> None:
    """A redirection leads to a page, not to a receiver; the server's words are kept where the receiver is not on."""
    with answering(status) as (url, headers):
        receiver = PrometheusClient(url).receives_remote_write()
    assert receiver.state == state
    assert (receiver == RemoteWrite("on")) if status == 204 else receiver.detail.startswith(f"{status}: ")
    assert [sent["Content-Encoding"] for sent in headers] == ["snappy"]


@pytest.mark.parametrize("status", [401, 403, 500, 503])
def test_a_server_that_refuses_is_there(status: int) -> None:
    """Its status and its words are kept."""
    with answering(status) as (url, _), pytest.raises(PrometheusFault) as refused:
        PrometheusClient(url).build_info()
    assert (refused.value.reason, refused.value.status) == ("PROM_REFUSED", status)
    assert refused.value.detail == SENTENCE


def test_the_sentence_of_a_refusal_is_the_error_in_its_json() -> None:
    """Only the sentence."""
    body = json.dumps({"status": "error", "errorType": "bad_data", "error": "1:5: parse error"})
    with answering(400, body) as (url, _), pytest.raises(PrometheusFault) as refused:
        PrometheusClient(url).instant("sum(")
    assert refused.value.detail == "1:5: parse error"
    assert refused.value.found == f"{url}: HTTP 400: 1:5: parse error"


@pytest.mark.parametrize(("status", "body"), [(404, SENTENCE), (200, SENTENCE), (200, "{}"), (200, "[]")])
def test_a_server_may_keep_its_version_to_itself(status: int, body: str) -> None:
    """That is no error: it answers."""
    with answering(status, body) as (url, _):
        assert PrometheusClient(url).build_info() == ""


def test_a_version_is_told_as_it_is() -> None:
    """As Prometheus writes it."""
    with answering(200, '{"data": {"version": "3.5.0"}}') as (url, _):
        assert PrometheusClient(url).build_info() == "3.5.0"


@pytest.mark.parametrize(
    ("status", "body"), [(200, "<html>"), (200, "{}"), (200, '{"data": 1}'), (202, "later"), (204, ""), (304, "")]
)
def test_an_answer_that_is_none_of_prometheus_is_no_answer(status: int, body: str) -> None:
    """The server is as good as not there."""
    with (
        answering(status, body) as (url, _),
        pytest.raises(PrometheusFault, match="not an answer of Prometheus") as no_answer,
    ):
        PrometheusClient(url).instant("up")
    assert (no_answer.value.reason, no_answer.value.status) == ("PROM_UNREACHABLE", 0)


@pytest.mark.parametrize("url", ["prometheus:9090", "http://", "ftp://host:1"])
def test_an_address_needs_a_scheme_and_a_host(url: str) -> None:
    """The error shows a right one."""
    with pytest.raises(PrometheusFault, match="http://host:port is needed") as refused:
        PrometheusClient(url).build_info()
    assert refused.value.reason == "PROM_UNREACHABLE"


def test_a_ca_that_cannot_be_used_is_told_before_anybody_is_asked(tmp_path: Path) -> None:
    """Nobody listens there."""
    with pytest.raises(BadConfig, match="No such file"):
        PrometheusClient("https://127.0.0.1:1", ca_file=tmp_path / "gone").build_info()


def test_the_authorization_goes_to_the_server_of_the_settings_alone(tmp_path: Path) -> None:
    """Queries and writes carry it."""
    (tmp_path / "authorization").write_text("Bearer open-sesame\n")
    with answering(200, '{"data": {"version": "3.5.0"}}') as (url, headers):
        settings = LabSettings(prometheus_url=f"{url}/", prometheus_authorization_file=tmp_path / "authorization")
        named = open_client(url, settings)
        named.build_info()
        named.receives_remote_write()
        open_client(url.replace("127.0.0.1", "localhost"), settings).build_info()
    assert [sent.get("Authorization") for sent in headers] == ["Bearer open-sesame"] * 2 + [None]


def test_the_authorization_of_the_settings_wins_over_a_netrc_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file has an entry for the host, and serves where the settings name no authorization."""
    (tmp_path / "netrc").write_text(f"machine {ANY_ADDRESS} login ada password planted\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    for variable in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(variable, ANY_ADDRESS)
    with answering(200, '{"data": {"result": []}}') as (url, headers):
        elsewhere = url.replace("127.0.0.1", ANY_ADDRESS)
        authorized = PrometheusClient(elsewhere, authorization="Bearer open-sesame")
        authorized.instant("up")
        authorized.receives_remote_write()
        PrometheusClient(elsewhere).instant("up")
    *sent, unauthorized = [request.get("Authorization", "") for request in headers]
    assert sent == ["Bearer open-sesame"] * 2
    assert unauthorized.startswith("Basic ")
