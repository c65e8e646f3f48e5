"""Serves metrics to Prometheus by HTTP, every sample labelled with its process."""

import logging
import socket
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
MOST_CONNECTIONS: Final = 32
"""Each has a thread of its own."""
SILENT_S: Final = 60.0
"""Seconds after which a silent connection is closed. Prometheus asks every second, by default every minute."""

log = logging.getLogger(__name__)


class Labelled:
    """A collector that adds the same labels to every sample of another registry.

    Prometheus scrapes with `honor_labels`, so that a process restarted on the same port is a new instance.
    """

    def __init__(self, inner: CollectorRegistry, labels: Mapping[str, str]) -> None:
        self._inner, self._labels = inner, dict(labels)

    def collect(self) -> Iterable[Metric]:
        """Yield the metrics of the inner registry, labelled."""
        for metric in self._inner.collect():
            metric.samples = [sample._replace(labels={**sample.labels, **self._labels}) for sample in metric.samples]
            yield metric


class _Server(ThreadingHTTPServer):
    """A server of few connections: a new one takes the place of the one that asked for nothing for longest."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self._connections: OrderedDict[socket.socket, None] = OrderedDict()
        self._counting = threading.Lock()
        super().__init__(address, handler)

    def verify_request(self, request: Any, client_address: Any) -> bool:  # noqa: ANN401, ARG002  as the base has it
        """Make room for a connection."""
        with self._counting:
            self._connections[request] = None
            if len(self._connections) > MOST_CONNECTIONS:
                idle, _ = self._connections.popitem(last=False)
                with suppress(OSError):
                    idle.shutdown(socket.SHUT_RDWR)
        return True

    def asks(self, request: socket.socket) -> None:
        """Note that a connection asks for something."""
        with self._counting, suppress(KeyError):
            self._connections.move_to_end(request)

    def shutdown_request(self, request: Any) -> None:  # noqa: ANN401  as the base has it
        """Close a connection."""
        with self._counting:
            self._connections.pop(request, None)
        super().shutdown_request(request)

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002  as the base has it
        """Log an error of ours; say nothing of a caller that went away, or was silent for too long."""
        error = sys.exception()
        if not isinstance(error, OSError):
            log.error("the metrics could not be served", exc_info=error)


class Exposition:
    """Serves a registry on `GET /metrics`, and counts the fetches."""

    def __init__(self, registry: CollectorRegistry, labels: Mapping[str, str], *, host: str, port: int) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(Labelled(registry, labels))
        self._fetched = threading.Condition()
        self._begun = self._done = 0
        self._server = _Server((host, port), self._handler())
        threading.Thread(target=self._server.serve_forever, name="exposition", daemon=True).start()

    @property
    def address(self) -> str:
        """host:port that the server listens on."""
        host, port = self._server.server_address[:2]
        return f"{host!s}:{port}"

    def await_fetch(self, seconds: float) -> bool:
        """Wait for a fetch that begins after this call. Return False where none came, at once where none ever came."""
        end = time.monotonic() + seconds
        with self._fetched:
            if not self._begun:
                return False
            before = self._begun
            while self._done <= before and (left := end - time.monotonic()) > 0:
                self._fetched.wait(left)
            return self._done > before

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    @contextmanager
    def _fetch(self) -> Iterator[bytes]:
        """Yield the samples of one fetch. The fetch is done when the context ends, after the samples were sent."""
        with self._fetched:
            self._begun += 1
            number = self._begun
        yield bytes(generate_latest(self._registry))
        with self._fetched:
            self._done = max(self._done, number)
            self._fetched.notify_all()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        exposition = self

        class Handler(BaseHTTPRequestHandler):
            """Answers one request."""

            protocol_version = "HTTP/1.1"
            timeout = SILENT_S
            server: _Server

            def do_GET(self) -> None:
                """Send the samples as text."""
                self.server.asks(self.connection)
                if self.path.partition("?")[0] != "/metrics":
                    self._send(404, b"")
                    return
                with exposition._fetch() as samples:
                    self._send(200, samples)

            def _send(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", CONTENT_TYPE)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_arguments: object) -> None:
                """Log nothing: there is a fetch every second."""

        return Handler
