"""Promises that every service keeps, shown on real processes."""

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
from urllib.parse import urlsplit

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from lab.model import Access
from lab.rpc.channels import connector
from lab.rpc.service_status import statuses_of
from services.contracts.generated.lab.ingest.v1.ingest_pb2 import AppendRequest, AppendStreamRequest
from services.contracts.generated.lab.ingest.v1.ingest_pb2_grpc import IngestServiceStub
from services.contracts.generated.lab.status.v1.status_pb2 import GetStatusRequest
from services.contracts.generated.lab.status.v1.status_pb2_grpc import StatusServiceStub
from services.contracts.signals import PROMISED
from services.ledger.connection import StoreSettings, open_client
from tests.bench.load import batched_calls
from tests.programs import free_port, ready_file, service, tied_to_parent

SERVICES: Final = ("ingest-api", "process-worker", "query-api", "simulator")
BOUNDS: Final = {"ingest-api": ["backlog", "backlog", "store memory"], "process-worker": ["runs kept"]}
DRAIN_S: Final = 10.0
WAIT_S: Final = 20.0

pytestmark = pytest.mark.timeout(90)


@contextlib.contextmanager
def running(
    name: str, folder: Path, store: str, **extra: str
) -> Iterator[tuple["subprocess.Popen[bytes]", dict[str, str]]]:
    """Run a service. Yields its process and the contents of its ready file."""
    environment = {"LAB_REDIS_URL": store, "OTEL_METRICS_EXPORTER": "prometheus"} | extra
    with service(name, folder, environment) as process:
        yield process, ready_file(folder, name)


def refused_to_start(name: str, folder: Path, extra: Mapping[str, str]) -> tuple[int, list[str]]:
    """Return exit code and output of a service that cannot work."""
    with service(name, folder, extra) as process:
        code = process.wait(WAIT_S)
    return code, (folder / f"{name}.log").read_text().splitlines()


def health_of(channel: grpc.Channel) -> Any:
    """Return the answer of the health service."""
    stub: Any = health_pb2_grpc.HealthStub(channel)
    return stub.Check(health_pb2.HealthCheckRequest(), timeout=10)


def self_signed(folder: Path) -> tuple[Path, dict[str, str]]:
    """Return a certificate for this machine, and the settings of a service that serves with it."""
    key, certificate = folder / "key.pem", folder / "cert.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    making = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1"]
    subprocess.run([*making, *subject, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    return certificate, {"LAB_TLS_CERT_FILE": str(certificate), "LAB_TLS_KEY_FILE": str(key)}


def test_bootstrap_ends_with_the_facts_of_the_store_as_json(store: str, tmp_path: Path) -> None:
    """Its starter reads server, version and durability class from the last line."""
    log = tmp_path / "bootstrap.log"
    with tied_to_parent([sys.executable, "-m", "services.bootstrap"], {"LAB_REDIS_URL": store}, log) as process:
        assert process.wait(WAIT_S) == 0
    facts = json.loads(log.read_text().splitlines()[-1])
    assert facts.keys() == {"kind", "version", "durability"}
    assert (facts["kind"], facts["durability"]) == ("valkey", "durable")


def test_bootstrap_names_an_invalid_setting(tmp_path: Path) -> None:
    """Exit code 78 and the variable, as the services do, without a traceback."""
    log = tmp_path / "bootstrap.log"
    with tied_to_parent([sys.executable, "-m", "services.bootstrap"], {"LAB_BOOTSTRAP_WAIT_S": "soon"}, log) as process:
        assert process.wait(WAIT_S) == 78
    output = log.read_text()
    assert "LAB_BOOTSTRAP_WAIT_S" in output
    assert len(output.splitlines()) <= 5


def test_bootstrap_refuses_a_setting_that_it_does_not_know(tmp_path: Path) -> None:
    """Exit code 78 before the store is asked, as the services do."""
    log = tmp_path / "bootstrap.log"
    extra = {"LAB_REQUIRE_DURABLE": "durable", "LAB_REDIS_URL": f"redis://127.0.0.1:{free_port()}/0"}
    with tied_to_parent([sys.executable, "-m", "services.bootstrap"], extra, log) as process:
        assert process.wait(WAIT_S) == 78
    assert "LAB_REQUIRE_DURABLE is not a setting; did you mean LAB_REQUIRE_DURABILITY?" in log.read_text()


def test_bootstrap_gives_up_at_once_where_the_store_refuses_its_login(store: str, tmp_path: Path) -> None:
    """Waiting does not mend a login. The wait that the settings allow is longer than this test."""
    open_client(StoreSettings(redis_url=store)).config_set("requirepass", "right")
    log = tmp_path / "bootstrap.log"
    extra = {"LAB_REDIS_URL": store, "LAB_BOOTSTRAP_WAIT_S": "600"}
    with tied_to_parent([sys.executable, "-m", "services.bootstrap"], extra, log) as process:
        assert process.wait(WAIT_S) == 69
    output = log.read_text()
    assert "STORE_DENIED" in output
    assert f"redis {urlsplit(store).netloc} refuses to log in" in output


def append_batch(stub: IngestServiceStub, sequence: int = 1, **options: Any) -> Any:
    """Append a batch of five events."""
    call = batched_calls(sequence, 5, run="r", producer=b"p" * 16)[-1]
    return stub.Append(AppendRequest.FromString(call), timeout=10, **options)


@pytest.mark.parametrize("name", SERVICES)
def test_promised_series_are_there_before_any_event(name: str, store: str, tmp_path: Path) -> None:
    """At the first scrape they are 0, with the labels of their process."""
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
    """With a collector that takes connections and never answers, a service exits with 0 within ten seconds."""
    with socket.create_server(("127.0.0.1", 0)) as black_hole:
        endpoint = f"http://127.0.0.1:{black_hole.getsockname()[1]}"
        extra = {"OTEL_METRICS_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}
        with running(name, tmp_path, store, **extra) as (process, _):
            begun = time.monotonic()
            process.send_signal(signal.SIGTERM)
            assert process.wait(2 * DRAIN_S) == 0
    assert time.monotonic() - begun < DRAIN_S


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_reports_its_status(name: str, store: str, tmp_path: Path) -> None:
    """Its identity and its dependencies, and health on a port that serves nothing else."""
    with running(name, tmp_path, store) as (process, ready):
        with grpc.insecure_channel(ready["grpc"]) as channel:
            status = StatusServiceStub(channel).GetStatus(GetStatusRequest(), timeout=10)
        with grpc.insecure_channel(ready["health"]) as channel:
            health = health_of(channel)
            with pytest.raises(grpc.RpcError) as refused:
                StatusServiceStub(channel).GetStatus(GetStatusRequest(), timeout=10)
        assert (status.service, status.instance_id, status.process_id) == (name, ready["instance_id"], process.pid)
    assert all(dependency.healthy for dependency in status.dependencies)
    assert status.durability == ("" if name == "simulator" else "durable")
    assert [bound.name for bound in status.bounds] == BOUNDS.get(name, [])
    assert health.status == health_pb2.HealthCheckResponse.SERVING
    assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_a_caller_without_the_token_is_refused(store: str, tmp_path: Path) -> None:
    """UNAUTHENTICATED, and no event is appended."""
    (tmp_path / "token").write_text("open sesame\n")
    with (
        running("ingest-api", tmp_path, store, LAB_TOKEN_FILE=str(tmp_path / "token")) as (_, ready),
        grpc.insecure_channel(ready["grpc"]) as channel,
    ):
        stub = IngestServiceStub(channel)
        for metadata in ((), (("authorization", "Bearer wrong"),)):
            with pytest.raises(grpc.RpcError) as refused:
                append_batch(stub, metadata=metadata)
            assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED
        answer = append_batch(stub, metadata=(("authorization", "Bearer open sesame"),))
        assert answer.accepted == 5


def test_tls_keeps_the_wire_private(store: str, tmp_path: Path) -> None:
    """With a certificate the port speaks TLS, and plaintext fails."""
    certificate, extra = self_signed(tmp_path)
    with running("ingest-api", tmp_path, store, **extra) as (_, ready):
        trust = grpc.ssl_channel_credentials(certificate.read_bytes())
        with grpc.secure_channel(ready["grpc"], trust) as channel:
            assert append_batch(IngestServiceStub(channel)).accepted == 5
        with grpc.insecure_channel(ready["grpc"]) as channel, pytest.raises(grpc.RpcError):
            append_batch(IngestServiceStub(channel), sequence=2)


def test_a_service_is_not_trusted_by_another_ca(store: str, tmp_path: Path) -> None:
    """The lab gives its token to no service that its CA does not know."""
    (tmp_path / "other").mkdir()
    other, _ = self_signed(tmp_path / "other")
    token = tmp_path / "token"
    token.write_text("open sesame\n")
    _, extra = self_signed(tmp_path)
    with running("query-api", tmp_path, store, LAB_TOKEN_FILE=str(token), **extra) as (_, ready):
        [status] = statuses_of({"query-api": ready["grpc"]}, connector(Access(other, token)))
    assert not status.healthy
    assert status.instance_id != ready["instance_id"]


def test_the_lab_calls_over_tls_with_its_token(store: str, tmp_path: Path) -> None:
    """The lab needs files with the CA and the token. Without the token it is refused."""
    certificate, extra = self_signed(tmp_path)
    token = tmp_path / "token"
    token.write_text("open sesame\n")
    with running("query-api", tmp_path, store, LAB_TOKEN_FILE=str(token), **extra) as (_, ready):
        [admitted] = statuses_of({"query-api": ready["grpc"]}, connector(Access(certificate, token)))
        [refused] = statuses_of({"query-api": ready["grpc"]}, connector(Access(certificate)))
    assert (admitted.healthy, admitted.instance_id) == (True, ready["instance_id"])
    assert refused.detail.startswith("UNAUTHENTICATED")


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ({"LAB_BIND": "0.0.0.0:0"}, ["0.0.0.0", "TLS"]),  # noqa: S104  it must not be bound
        ({"LAB_BIND": "0.0.0.0:0", "LAB_INSECURE_BIND": "true", "LAB_REFLECTION": "true"}, ["LAB_REFLECTION", "TLS"]),
        ({"LAB_INGEST_BACKLOG_LIMT": "5"}, ["LAB_INGEST_BACKLOG_LIMT"]),
        ({"LAB_LOG_LEVEL": "LOUD", "LAB_DRAIN_SECONDS": "-1"}, ["LAB_LOG_LEVEL", "LAB_DRAIN_SECONDS"]),
        ({"OTEL_EXPORTER_PROMETHEUS_PORT": "no-port"}, ["OTEL_EXPORTER_PROMETHEUS_PORT"]),
        ({"LAB_REDIS_TIMEOUT": "5"}, ["LAB_REDIS_TIMEOUT is not a setting", "LAB_REDIS_TIMEOUT_S"]),
    ],
)
def test_a_service_that_cannot_work_does_not_start(
    store: str, tmp_path: Path, extra: dict[str, str], words: list[str]
) -> None:
    """Exit code 78 and all faults together, in at most five lines."""
    code, output = refused_to_start("ingest-api", tmp_path, {"LAB_REDIS_URL": store} | extra)
    assert code == 78, output
    assert len(output) <= 5
    assert all(word in "\n".join(output) for word in words), output


def test_a_missing_store_is_named(tmp_path: Path) -> None:
    """Exit code 69 after the wait, with the address."""
    address = f"127.0.0.1:{free_port()}"
    extra = {"LAB_REDIS_URL": f"redis://{address}/0", "LAB_INGEST_STORE_WAIT_S": "0.2"}
    code, output = refused_to_start("ingest-api", tmp_path, extra)
    assert code == 69, output
    assert address in "\n".join(output)


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
        assert append_batch(stub, sequence=2).accepted == 6
        assert health_of(channel).status == 1
        over.set()
        for stream in streams:
            stream.cancel()


@pytest.mark.parametrize("reflection", [False, True])
def test_reflection_is_behind_a_flag(store: str, tmp_path: Path, *, reflection: bool) -> None:
    """Reflection is off by default."""
    flag = {"LAB_REFLECTION": str(reflection).lower()}
    with (
        running("query-api", tmp_path, store, **flag) as (_, ready),
        grpc.insecure_channel(ready["grpc"]) as channel,
    ):
        stub: Any = reflection_pb2_grpc.ServerReflectionStub(channel)
        request: Any = reflection_pb2.ServerReflectionRequest
        answers = stub.ServerReflectionInfo(iter([request(list_services="")]), timeout=10)
        if reflection:
            services = next(answers).list_services_response.service
            assert "lab.query.v1.QueryService" in [service.name for service in services]
            return
        with pytest.raises(grpc.RpcError) as refused:
            next(answers)
        assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_logs_are_json_lines(store: str, tmp_path: Path) -> None:
    """Every log line has a time, a level, a message and the service's name."""
    with running("process-worker", tmp_path, store) as (process, _):
        process.send_signal(signal.SIGTERM)
        process.wait(2 * DRAIN_S)
    records = [json.loads(line) for line in (tmp_path / "process-worker.log").read_text().splitlines()]
    assert {"serving on", "draining", "stopped"} <= {" ".join(record["message"].split()[:2]) for record in records}
    assert {record["service"] for record in records} == {"process-worker"}
    assert all(record["level"] == "INFO" and record["time"] for record in records)


def test_programs_end_with_their_starter(tmp_path: Path) -> None:
    """Programs that tests start get the parent-death signal."""
    with tied_to_parent(["sleep", "60"], {}, tmp_path / "log") as process:
        assert process.poll() is None
    assert process.returncode == -signal.SIGKILL
