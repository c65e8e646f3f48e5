"""Services with the environment of their containers: TLS, token, plaintext health."""

import contextlib
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from lab.targets.kubernetes.credentials.credentials import names_of, provide_credentials
from services.contracts.generated.lab.status.v1.status_pb2 import GetStatusRequest
from services.contracts.generated.lab.status.v1.status_pb2_grpc import StatusServiceStub
from tests.programs import ready_file, service
from tests.rendered.samples import OUTSIDE, rendered

SERVICES: Final = ("ingest-api", "process-worker", "query-api", "simulator")
WAIT_S: Final = 20.0

pytestmark = pytest.mark.timeout(90)


def environment_of(name: str) -> dict[str, str]:
    """Return the environment of a service's container, except variables that the node sets."""
    deployment = next(document for document in rendered("k3s") if document.name == f"{name}-amd64")
    container = next(container for container in deployment.containers() if container["name"] == "service")
    config_map = container["envFrom"][0]["configMapRef"]["name"]
    settings = next(document for document in rendered("k3s") if document.name == config_map)
    own = {variable["name"]: variable["value"] for variable in container["env"] if "value" in variable}
    return {**settings.body["data"], **own}


def probe_of(name: str) -> str:
    """Return the gRPC service that the readiness probe checks."""
    deployment = next(document for document in rendered("k3s") if document.name == f"{name}-amd64")
    return str(deployment.pod["containers"][0]["readinessProbe"]["grpc"]["service"])


@contextlib.contextmanager
def in_a_pod(name: str, folder: Path, store: str) -> Iterator[Mapping[str, str]]:
    """Run a service with its container's environment and Secrets below *folder*. Yields its ready file's contents."""
    provide_credentials(folder / "serving", names_of(OUTSIDE.namespace), now=datetime.now(UTC))
    (folder / "cache").mkdir()
    here = {"/etc/lab/serving": str(folder / "serving"), "/var/cache/lab": str(folder / "cache")}
    environment = environment_of(name)
    for inside, outside in here.items():
        environment = {key: value.replace(inside, outside) for key, value in environment.items()}
    environment |= {"LAB_BIND": "127.0.0.1:0", "LAB_HEALTH_BIND": "127.0.0.1:0", "LAB_REDIS_URL": store}
    environment |= {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
    environment.pop("LAB_REDIS_PASSWORD_FILE")
    with service(name, folder, environment):
        yield ready_file(folder, name)


def status(address: str, *, ca: bytes, token: str = "") -> Any:
    """Return the status of a service, over TLS."""
    metadata = (("authorization", f"Bearer {token}"),) if token else ()
    with grpc.secure_channel(address, grpc.ssl_channel_credentials(ca)) as channel:
        return StatusServiceStub(channel).GetStatus(GetStatusRequest(), metadata=metadata, timeout=WAIT_S)


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_serves_with_what_its_container_gets(name: str, tmp_path: Path, store: str) -> None:
    """With CA and token it answers, without the token it refuses, and the probe needs neither."""
    with in_a_pod(name, tmp_path, store) as ready:
        credentials = provide_credentials(tmp_path / "serving", names_of(OUTSIDE.namespace), now=datetime.now(UTC))
        ca = credentials.certificates.ca
        assert status(ready["grpc"], ca=ca, token=credentials.token).service == name
        with pytest.raises(grpc.RpcError) as refused:
            status(ready["grpc"], ca=ca)
        assert re.search("UNAUTHENTICATED", str(refused.value))
        with grpc.insecure_channel(ready["health"]) as channel:
            stub: Any = health_pb2_grpc.HealthStub(channel)
            for service_name in ("", probe_of(name)):
                request = health_pb2.HealthCheckRequest(service=service_name)
                answer = stub.Check(request, timeout=WAIT_S)
                assert answer.status == health_pb2.HealthCheckResponse.SERVING
