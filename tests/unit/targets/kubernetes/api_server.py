"""A server on loopback that answers a client's questions for kinds as an API server does."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl

from tests.fakes.cluster import selects

POD: Final = {"name": "pods", "kind": "Pod", "namespaced": True, "verbs": ["get", "list"]}
PODS: Final = "/api/v1/namespaces/testbed/pods"
GROUPS: Final = [
    {
        "name": name,
        "versions": [{"groupVersion": f"{name}/v1", "version": "v1"}],
        "preferredVersion": {"groupVersion": f"{name}/v1", "version": "v1"},
    }
    for name in ("apps", "batch", "policy")
]
Body = Mapping[str, Any] | str
"""Body of a response: JSON, or text."""
REFUSAL: Final = 'pods is forbidden: User "o:eve smith" cannot list resource "pods" in API group ""'


@dataclass
class ApiServer:
    """What the server answers, which a test may change.

    Attributes:
        version: Of the server.
        refuses: Path → status, for requests that it refuses.
        address: URL of the server.
        requested: Paths of the requests so far.
    """

    version: str = "v1.34.1"
    refuses: dict[str, int] = field(default_factory=dict)
    address: str = ""
    requested: list[str] = field(default_factory=list)

    def answer(self, path: str) -> tuple[int, Mapping[str, Any]]:
        """Return status and body of a response."""
        self.requested.append(path)
        if path in self.refuses:
            status = self.refuses[path]
            return status, {"kind": "Status", "code": status, "message": REFUSAL}
        answers: Mapping[str, Mapping[str, Any]] = {
            "/version": {"gitVersion": self.version},
            "/apis": {"kind": "APIGroupList", "groups": GROUPS},
            "/api/v1": {"kind": "APIResourceList", "groupVersion": "v1", "resources": [POD]},
            PODS: {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": [{"metadata": {"name": "a"}}]},
        }
        return (200, answers[path]) if path in answers else (404, {"kind": "Status", "message": "not found"})

    def log(self, path: str, query: Mapping[str, str]) -> tuple[int, Body]:
        """Return status and body for a request for a log. This server has none."""
        return self.answer(path)

    def change(
        self, method: str, path: str, query: Mapping[str, str], body: Mapping[str, Any]
    ) -> tuple[int, Mapping[str, Any]]:
        """Return status and body for a request that would change something. This server changes nothing."""
        return 405, {"kind": "Status", "message": f"{method} {path} is not allowed"}

    def kubeconfig(self, folder: Path, *, context: str = "here") -> Path:
        """Write a kubeconfig that names this server and another cluster; return its path."""
        content = {
            "current-context": context,
            "clusters": [
                {"name": "mine", "cluster": {"server": f"{self.address}/"}},
                {"name": "other", "cluster": {"server": "https://192.0.2.1:6443"}},
            ],
            "users": [{"name": "eve", "user": {"token": "t"}}],
            "contexts": [
                {"name": "here", "context": {"cluster": "mine", "user": "eve"}},
                {"name": "there", "context": {"cluster": "other", "user": "eve"}},
            ],
        }
        file = folder / f"kubeconfig-{context}"
        file.write_text(json.dumps(content))
        return file


Server = TypeVar("Server", bound=ApiServer)


class Handler(BaseHTTPRequestHandler):
    """Answers GET, and passes on every request that would change something.

    Attributes:
        answers: What the server answers.
        over: Set when nobody answers any more.
    """

    protocol_version = "HTTP/1.1"
    # Headers and body leave together: the second of two writes would wait 40 ms for the client's acknowledgement.
    wbufsize = -1
    answers: ApiServer
    over: threading.Event

    def parse_request(self) -> bool:
        """See `BaseHTTPRequestHandler`."""
        self.close_connection = self.over.is_set()
        return not self.over.is_set() and super().parse_request()

    def do_GET(self) -> None:
        """See `BaseHTTPRequestHandler`."""
        path, _, text = self.path.partition("?")
        query = dict(parse_qsl(text))
        if path.endswith("/log"):
            self._respond(*self.answers.log(path, query))
            return
        status, body = self.answers.answer(path)
        self._respond(status, _selected(body, query.get("labelSelector", "")))

    def do_PATCH(self) -> None:
        """See `BaseHTTPRequestHandler`."""
        path, _, query = self.path.partition("?")
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
        self._respond(*self.answers.change(self.command, path, dict(parse_qsl(query)), body))

    do_DELETE = do_POST = do_PUT = do_PATCH  # noqa: N815  named by http.server

    def _respond(self, status: int, body: Body) -> None:
        content = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


def _selected(body: Mapping[str, Any], selector: str) -> Mapping[str, Any]:
    """Return a list with the objects that a selector takes; anything else as it is."""
    if "items" not in body:
        return body
    return {**body, "items": [item for item in body["items"] if selects(selector, item)]}


@contextmanager
def serving(answers: Server) -> Iterator[Server]:
    """Serve these answers until the context ends; then nobody answers, on connections that are open neither."""
    over = threading.Event()
    handler = type("AnsweringHandler", (Handler,), {"answers": answers, "over": over})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        answers.address = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield answers
        finally:
            over.set()
            server.shutdown()
