"""What a channel to a service carries and trusts: the token, certificates, large answers; shown on real servers."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import grpc
import pytest

from lab.errors import BadConfig
from lab.model import Access
from lab.rpc.channels import connector, plaintext
from lab.targets.kubernetes.credentials.certificates import Certificates, new_certificates
from tests.grpc_server import served

SERVICE: Final = "test.v1.Test"
HOST: Final = "127.0.0.1"
TOKEN: Final = "open-sesame"
DEADLINE_S: Final = 30.0
SHORT_S: Final = 1.0
LARGE: Final = 5 << 20
"""Bytes of an answer that gRPC refuses by default."""
KINDS: Final = ("unary_unary", "unary_stream", "stream_unary", "stream_stream")


class Service:
    """Answers a method of each kind, and keeps the metadata of its calls."""

    def __init__(self) -> None:
        self.metadata: list[dict[str, str | bytes]] = []

    def methods(self) -> dict[str, Any]:
        """Return the handlers by the names of their kinds."""
        return {
            "unary_unary": grpc.unary_unary_rpc_method_handler(self._answer),
            "unary_stream": grpc.unary_stream_rpc_method_handler(self._stream),
            "stream_unary": grpc.stream_unary_rpc_method_handler(self._answer),
            "stream_stream": grpc.stream_stream_rpc_method_handler(self._stream),
        }

    def _answer(self, _request: object, context: grpc.ServicerContext) -> bytes:
        self.metadata.append({key: value for key, value in context.invocation_metadata()})  # noqa: C416  no pairs
        return b"answer"

    def _stream(self, request: object, context: grpc.ServicerContext) -> Iterator[bytes]:
        yield self._answer(request, context)


@contextmanager
def serving(certificates: Certificates | None = None) -> Iterator[tuple[Service, str]]:
    """Serve, over TLS where there are certificates; yield the service and its host:port."""
    service, credentials = Service(), None
    if certificates:
        credentials = grpc.ssl_server_credentials([(certificates.key, certificates.certificate)])
    with served(SERVICE, service.methods(), ThreadPoolExecutor(1), credentials=credentials) as address:
        yield service, address


def certificates_of(*names: str) -> Certificates:
    """Return certificates for these names, signed by an authority of their own."""
    return new_certificates(names, now=datetime.now(UTC))


def in_file(file: Path, content: bytes) -> Path:
    """Return the file, which then holds that content."""
    file.write_bytes(content)
    return file


def ask(open_channel: Callable[[str], grpc.Channel], address: str, *, timeout_s: float = DEADLINE_S) -> bytes:
    """Call the method without streams."""
    with open_channel(address) as channel:
        method: Any = channel.unary_unary(f"/{SERVICE}/unary_unary")
        answer: bytes = method(b"", timeout=timeout_s, metadata=(("of-call", "kept"),))
    return answer


@pytest.mark.parametrize("kind", KINDS)
def test_the_token_goes_with_calls_of_every_kind(kind: str, tmp_path: Path) -> None:
    """The line end of its file does not; metadata of the call stays."""
    access = Access(token_file=in_file(tmp_path / "token", f"{TOKEN}\n".encode()))
    with serving() as (service, address), connector(access)(address) as channel:
        method: Any = getattr(channel, kind)(f"/{SERVICE}/{kind}")
        request = iter([b""]) if kind.startswith("stream") else b""
        answer = method(request, timeout=DEADLINE_S, metadata=(("of-call", "kept"),))
        assert (list(answer) if kind.endswith("stream") else [answer]) == [b"answer"]
    [metadata] = service.metadata
    assert (metadata["authorization"], metadata["of-call"]) == (f"Bearer {TOKEN}", "kept")


def test_no_token_is_sent_where_the_stack_has_none() -> None:
    """Not even an empty one."""
    with serving() as (service, address):
        ask(connector(Access()), address)
    [metadata] = service.metadata
    assert "authorization" not in metadata


def test_a_service_is_reached_over_tls_by_the_authority_of_its_stack(tmp_path: Path) -> None:
    """The token goes the same way."""
    certificates = certificates_of(HOST)
    access = Access(in_file(tmp_path / "ca.crt", certificates.ca), in_file(tmp_path / "token", TOKEN.encode()))
    with serving(certificates) as (service, address):
        assert ask(connector(access), address) == b"answer"
    [metadata] = service.metadata
    assert metadata["authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize("names", [(HOST,), ("elsewhere.example",)], ids=["another authority", "another name"])
def test_a_service_that_shows_another_certificate_gets_no_call(names: tuple[str, ...], tmp_path: Path) -> None:
    """Neither one that another authority signed, nor one for another name."""
    shown = certificates_of(*names)
    trusted = certificates_of(HOST) if names == (HOST,) else shown
    access = Access(in_file(tmp_path / "ca.crt", trusted.ca), in_file(tmp_path / "token", TOKEN.encode()))
    with serving(shown) as (service, address), pytest.raises(grpc.RpcError) as refused:
        ask(connector(access), address)
    assert "CERTIFICATE_VERIFY_FAILED" in str(refused.value) or "Hostname Verification" in str(refused.value)
    assert service.metadata == []


def test_tls_is_not_given_up_for_a_service_without_tls(tmp_path: Path) -> None:
    """The token of a stack with TLS never travels in the clear."""
    access = Access(in_file(tmp_path / "ca.crt", certificates_of(HOST).ca), in_file(tmp_path / "token", TOKEN.encode()))
    with serving() as (service, address), pytest.raises(grpc.RpcError):
        ask(connector(access), address, timeout_s=SHORT_S)
    assert service.metadata == []


@pytest.mark.parametrize("field", ["ca_file", "token_file"])
def test_a_file_that_cannot_be_read_is_a_fault_of_the_configuration(field: str, tmp_path: Path) -> None:
    """It is named before any service is called, with the command that makes it anew."""
    with pytest.raises(BadConfig) as missing:
        connector(Access(**{field: tmp_path / "gone"}))
    assert missing.value.attempted == f"cannot read {tmp_path / 'gone'}"
    assert "No such file" in missing.value.found
    assert missing.value.next_step.startswith("lab down, then lab up")
    assert "--target kubernetes" in missing.value.next_step


def test_an_answer_may_be_larger_than_grpc_allows_by_default() -> None:
    """As a page of 10,000 rows may be."""
    methods: dict[str, Any] = {
        "unary_unary": grpc.unary_unary_rpc_method_handler(lambda _request, _context: bytes(LARGE))
    }
    with served(SERVICE, methods, ThreadPoolExecutor(1)) as address:
        assert len(ask(plaintext, address)) == LARGE


def test_no_proxy_is_asked_for_a_service(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the environment names."""
    for name in ("grpc_proxy", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("no_grpc_proxy", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with serving() as (_, address):
        assert ask(plaintext, address) == b"answer"
