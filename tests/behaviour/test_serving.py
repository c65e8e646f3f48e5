"""What every service promises, shown on real processes."""

import contextlib
import json
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from lab.model import Access
from lab.rpc.channels import connector
from lab.rpc.service_status import statuses_of
from services.contracts.generated.lab.ingest.v1.ingest_pb2 import AppendRequest, AppendStreamRequest
from services.contracts.generated.lab.ingest.v1.ingest_pb2_grpc import IngestServiceStub
from services.contracts.generated.lab.status.v1.status_pb2 import GetStatusRequest
from services.contracts.generated.lab.status.v1.status_pb2_grpc import StatusServiceStub
from services.contracts.signals import PROMISED
from tests.bench.load import batched_calls
from tests.programs import free_port, ready_file, service, tied_to_parent

SERVICES: Final = ("ingest-api", "process-worker", "query-api", "simulator")
DRAIN_S: Final = 10.0
WAIT_S: Final = 20.0

pytestmark = pytest.mark.timeout(90)


@contextlib.contextmanager
def running(
    name: str, folder: Path, store: str, **extra: str
) -> Iterator[tuple["subprocess.Popen[bytes]", dict[str, str]]]:
    """A service that serves, with what its ready file says."""
    environment = {"LAB_REDIS_URL": store, "OTEL_METRICS_EXPORTER": "prometheus"} | extra
    with service(name, folder, environment) as process:
        yield process, ready_file(folder, name)


def refused_to_start(name: str, folder: Path, extra: Mapping[str, str]) -> tuple[int, list[str]]:
    """Exit code and words of a service that cannot work."""
    with service(name, folder, extra) as process:
        code = process.wait(WAIT_S)
    return code, (folder / f"{name}.log").read_text().splitlines()


def health_of(channel: grpc.Channel) -> Any:
    """What the health service answers."""
    stub: Any = health_pb2_grpc.HealthStub(channel)
    return stub.Check(health_pb2.HealthCheckRequest(), timeout=10)


def self_signed(folder: Path) -> tuple[Path, dict[str, str]]:
    """A certificate for this machine, and the settings of a service that serves with it."""
    key, certificate = folder / "key.pem", folder / "cert.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    making = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1"]
    subprocess.run([*making, *subject, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    return certificate, {"LAB_TLS_CERT_FILE": str(certificate), "LAB_TLS_KEY_FILE": str(key)}


def test_bootstrap_names_a_setting_that_cannot_be(tmp_path: Path) -> None:
    """Exit 78 and the variable, as the services do; no traceback."""
    log = tmp_path / "bootstrap.log"
    with tied_to_parent([sys.executable, "-m", "services.bootstrap"], {"LAB_BOOTSTRAP_WAIT_S": "soon"}, log) as process:
        assert process.wait(WAIT_S) == 78
    said = log.read_text()
    assert "LAB_BOOTSTRAP_WAIT_S" in said
    assert len(said.splitlines()) <= 5


def append_one(stub: IngestServiceStub, sequence: int = 1, **options: Any) -> Any:
    """Append a batch of five events."""
    call = batched_calls(sequence, 5, run="r", producer=b"p" * 16)[-1]
    return stub.Append(AppendRequest.FromString(call), timeout=10, **options)


@pytest.mark.parametrize("name", SERVICES)
def test_promised_series_are_there_before_any_event(name: str, store: str, tmp_path: Path) -> None:
    """At the first scrape, at 0, with the labels that tell who speaks."""
    with running(name, tmp_path, store) as (_, ready):
        page = urllib.request.urlopen(f"http://{ready['metrics']}/metrics", timeout=10).read().decode()
    promised = PROMISED[name].prometheus_name
    lines = [line for line in page.splitlines() if line.startswith(promised + "{")]
    assert lines
    for line in lines:
        assert line.endswith(" 0.0")
        assert f'job="lab/{name}"' in line
        assert f'instance="{ready["instance_id"]}"' in line


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_stops_in_time_though_the_collector_is_dead(name: str, store: str, tmp_path: Path) -> None:
    """A collector that takes connections and never answers holds nobody up: exit 0 within ten seconds."""
    with socket.create_server(("127.0.0.1", 0)) as black_hole:
        endpoint = f"http://127.0.0.1:{black_hole.getsockname()[1]}"
        extra = {"OTEL_METRICS_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}
        with running(name, tmp_path, store, **extra) as (process, _):
            begun = time.monotonic()
            process.send_signal(signal.SIGTERM)
            assert process.wait(2 * DRAIN_S) == 0
    assert time.monotonic() - begun < DRAIN_S


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_tells_what_it_is(name: str, store: str, tmp_path: Path) -> None:
    """In its own words, and whether what it depends on answers; health also on a port that answers nothing else."""
    with running(name, tmp_path, store) as (process, ready):
        with grpc.insecure_channel(ready["grpc"]) as channel:
            status = StatusServiceStub(channel).GetStatus(GetStatusRequest(), timeout=10)
        with grpc.insecure_channel(ready["health"]) as channel:
            health = health_of(channel)
            with pytest.raises(grpc.RpcError) as nothing_else:
                StatusServiceStub(channel).GetStatus(GetStatusRequest(), timeout=10)
        assert (status.service, status.instance_id, status.process_id) == (name, ready["instance_id"], process.pid)
    assert all(dependency.healthy for dependency in status.dependencies)
    assert status.durability == ("" if name == "simulator" else "durable")
    assert health.status == health_pb2.HealthCheckResponse.SERVING
    assert nothing_else.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_nobody_without_the_token_appends_anything(store: str, tmp_path: Path) -> None:
    """UNAUTHENTICATED, not a word about which byte, and not an event."""
    (tmp_path / "token").write_text("open sesame\n")
    with (
        running("ingest-api", tmp_path, store, LAB_TOKEN_FILE=str(tmp_path / "token")) as (_, ready),
        grpc.insecure_channel(ready["grpc"]) as channel,
    ):
        stub = IngestServiceStub(channel)
        for metadata in ((), (("authorization", "Bearer wrong"),)):
            with pytest.raises(grpc.RpcError) as refused:
                append_one(stub, metadata=metadata)
            assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED
        answer = append_one(stub, metadata=(("authorization", "Bearer open sesame"),))
        assert answer.accepted == 5


def test_tls_keeps_the_wire_private(store: str, tmp_path: Path) -> None:
    """With a certificate the port speaks TLS, and plaintext gets nowhere."""
    certificate, extra = self_signed(tmp_path)
    with running("ingest-api", tmp_path, store, **extra) as (_, ready):
        trust = grpc.ssl_channel_credentials(certificate.read_bytes())
        with grpc.secure_channel(ready["grpc"], trust) as channel:
            assert append_one(IngestServiceStub(channel)).accepted == 5
        with grpc.insecure_channel(ready["grpc"]) as channel, pytest.raises(grpc.RpcError):
            append_one(IngestServiceStub(channel), sequence=2)


def test_the_lab_calls_over_tls_with_its_token(store: str, tmp_path: Path) -> None:
    """A CA and a token by file are all it needs; without the token it is a stranger."""
    certificate, extra = self_signed(tmp_path)
    token = tmp_path / "token"
    token.write_text("open sesame\n")
    with running("query-api", tmp_path, store, LAB_TOKEN_FILE=str(token), **extra) as (_, ready):
        [friend] = statuses_of({"query-api": ready["grpc"]}, connector(Access(certificate, token)))
        [stranger] = statuses_of({"query-api": ready["grpc"]}, connector(Access(certificate)))
    assert (friend.healthy, friend.instance_id) == (True, ready["instance_id"])
    assert stranger.detail.startswith("UNAUTHENTICATED")


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ({"LAB_BIND": "0.0.0.0:0"}, ["0.0.0.0", "TLS"]),  # noqa: S104  it must not be bound
        ({"LAB_INGEST_BACKLOG_LIMT": "5"}, ["LAB_INGEST_BACKLOG_LIMT"]),
        ({"LAB_LOG_LEVEL": "LOUD", "LAB_DRAIN_SECONDS": "-1"}, ["LAB_LOG_LEVEL", "LAB_DRAIN_SECONDS"]),
        ({"LAB_REDIS_TIMEOUT": "5"}, ["LAB_REDIS_TIMEOUT is not a setting", "LAB_REDIS_TIMEOUT_S"]),
    ],
)
def test_a_service_that_cannot_work_does_not_start(
    store: str, tmp_path: Path, extra: dict[str, str], words: list[str]
) -> None:
    """Exit 78, everything that is wrong at once, in at most five lines."""
    code, said = refused_to_start("ingest-api", tmp_path, {"LAB_REDIS_URL": store} | extra)
    assert code == 78, said
    assert len(said) <= 5
    assert all(word in "\n".join(said) for word in words), said


def test_a_store_that_is_not_there_is_named(tmp_path: Path) -> None:
    """Exit 69 after a little patience, with the address."""
    address = f"127.0.0.1:{free_port()}"
    extra = {"LAB_REDIS_URL": f"redis://{address}/0", "LAB_INGEST_STORE_WAIT_S": "0.2"}
    code, said = refused_to_start("ingest-api", tmp_path, extra)
    assert code == 69, said
    assert address in "\n".join(said)


def test_the_fifth_stream_is_refused_and_calls_go_on(store: str, tmp_path: Path) -> None:
    """Four open streams leave room for unary calls and health."""
    over = threading.Event()

    def waiting() -> Iterator[AppendStreamRequest]:
        yield AppendStreamRequest(append=AppendRequest.FromString(batched_calls(1, 1, run="r", producer=b"p" * 16)[0]))
        over.wait(WAIT_S)

    with running("ingest-api", tmp_path, store) as (_, ready), grpc.insecure_channel(ready["grpc"]) as channel:
        stub = IngestServiceStub(channel)
        streams = [stub.AppendStream(waiting(), timeout=WAIT_S) for _ in range(4)]
        for stream in streams:
            next(stream)
        with pytest.raises(grpc.RpcError) as refused:
            next(stub.AppendStream(waiting(), timeout=WAIT_S))
        assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert append_one(stub, sequence=2).accepted == 6
        assert health_of(channel).status == 1
        over.set()
        for stream in streams:
            stream.cancel()


@pytest.mark.parametrize("reflection", [False, True])
def test_reflection_is_behind_a_flag(store: str, tmp_path: Path, *, reflection: bool) -> None:
    """Off unless somebody asked for it."""
    from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc  # noqa: PLC0415 - rarely wanted

    flag = {"LAB_REFLECTION": str(reflection).lower()}
    with (
        running("query-api", tmp_path, store, **flag) as (_, ready),
        grpc.insecure_channel(ready["grpc"]) as channel,
    ):
        stub: Any = reflection_pb2_grpc.ServerReflectionStub(channel)
        request: Any = reflection_pb2.ServerReflectionRequest
        asked = stub.ServerReflectionInfo(iter([request(list_services="")]), timeout=10)
        if reflection:
            assert "lab.query.v1.QueryService" in [one.name for one in next(asked).list_services_response.service]
            return
        with pytest.raises(grpc.RpcError) as refused:
            next(asked)
        assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_logs_are_json_lines(store: str, tmp_path: Path) -> None:
    """Every line that a service writes has a time, a level, a message and its own name."""
    with running("process-worker", tmp_path, store) as (process, _):
        process.send_signal(signal.SIGTERM)
        process.wait(2 * DRAIN_S)
    records = [json.loads(line) for line in (tmp_path / "process-worker.log").read_text().splitlines()]
    assert {"serving on", "draining", "stopped"} <= {" ".join(record["message"].split()[:2]) for record in records}
    assert {record["service"] for record in records} == {"process-worker"}
    assert all(record["level"] == "INFO" and record["time"] for record in records)


def test_programs_on_a_leash_end_with_their_starter(tmp_path: Path) -> None:
    """What these tests start is gone when they are killed."""
    with tied_to_parent(["sleep", "60"], {}, tmp_path / "log") as process:
        assert process.poll() is None
    assert process.returncode == -signal.SIGKILL
