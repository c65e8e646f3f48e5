"""A real API server accepts the objects of all settings from a user with the least rights."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from lab.settings import LabSettings, inherited_environment
from lab.systems.services import SERVICES
from lab.targets.kubernetes.credentials.certificates import Certificates as ServingCertificates
from lab.targets.kubernetes.credentials.credentials import Credentials
from lab.targets.kubernetes.rendering.from_settings import StackInputs, request_of
from lab.targets.kubernetes.rendering.render import render
from tests.cluster.rig.certificates import LAB_USER, Certificates
from tests.cluster.rig.facts import RigFacts
from tests.cluster.rig.kubectl import PROGRAM, Kubectl
from tests.cluster.rights import granted
from tests.rendered.samples import ARCHITECTURES, image

NAMESPACE: Final = "settings-tests"
PULL: Final = '{"auths": {"registry.example": {"auth": "dXNlcjpzZWNyZXQ="}}}'
PLACED: Final = {
    "namespace": NAMESPACE,
    "overlay": "rig",
    "collector_image": image("otel-collector", "amd64"),
    "node_selector": "nodetype=board",
    "tolerations": "board=small:NoSchedule,old:NoExecute,new",
    "node_ports": True,
}
INSIDE: Final = {"redis_image": image("redis", "amd64"), "prometheus_image": image("prometheus", "amd64")}
OUTSIDE: Final = {"redis_url": "rediss://store.example:6380/0", "prometheus_url": "https://prometheus.example"}


@pytest.fixture(scope="module")
def as_user(rig: RigFacts, kubectl: Kubectl) -> Iterator[tuple[str, ...]]:
    """Yield the kubectl command of the lab's user, who has a namespace."""
    with granted(kubectl, NAMESPACE):
        yield PROGRAM, f"--kubeconfig={Certificates(rig.state / 'certificates').kubeconfig(LAB_USER)}"


@pytest.mark.parametrize(
    "servers", [INSIDE, OUTSIDE, {**OUTSIDE, "remote_write_url": "none"}], ids=["inside", "outside", "scraped"]
)
def test_everything_is_accepted(as_user: tuple[str, ...], tmp_path: Path, servers: dict[str, str]) -> None:
    """Schema, admission and rights allow them, without a warning of Pod Security; nothing is stored."""
    files = {}
    for name in ("redis_password", "redis_ca", "prometheus_authorization", "prometheus_ca"):
        files[f"{name}_file"] = tmp_path / name
        files[f"{name}_file"].write_text("text\n")
    credentials = Credentials(ServingCertificates(b"ca", b"certificate", b"key"), "token", "password")
    images: dict[tuple[str, str], str] = {
        (service, architecture): image(service, architecture) for service in SERVICES for architecture in ARCHITECTURES
    }
    settings = LabSettings.model_validate({**PLACED, **servers, **files})
    objects = [
        rendered
        for rendered in render(request_of(settings, StackInputs(images, credentials, PULL)))
        if rendered.kind != "Namespace"
    ]
    listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": [rendered.body for rendered in objects]})
    done = subprocess.run(
        [*as_user, "apply", "--server-side", "--dry-run=server", "--filename=-"],
        input=listed,
        env=inherited_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("(server dry run)") == len(objects)
