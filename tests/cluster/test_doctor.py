"""`lab doctor --target kubernetes` on a real cluster finds what is wrong, and names the next step."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

import pytest
import yaml

from lab.cli import main
from lab.images.lock import FILE_NAME, ImageLock, write_lock
from lab.settings import environment_with, inherited_environment
from lab.systems.services import SERVICES
from tests import programs
from tests.cluster.pods import SAYS
from tests.cluster.rig.certificates import LAB_USER, Certificates
from tests.cluster.rig.facts import RigFacts
from tests.cluster.rig.images import Image, push
from tests.cluster.rig.kubectl import Kubectl
from tests.cluster.rights import granted, take_away

PROJECT: Final = Path(__file__).parents[2]
NAMESPACE: Final = "doctor-tests"
FOREIGN: Final = "doctor-foreign"
"""A namespace that does not exist, for a user without rights."""
RECEIVER: Final = "--web.enable-remote-write-receiver"


class DoctorReport(NamedTuple):
    """The exit code of the doctor, name of a check → whether it is good, name → next step."""

    code: int
    good: dict[str, bool]
    steps: dict[str, str]

    @property
    def bad(self) -> set[str]:
        """Names of the checks that are not good."""
        return {name for name, good in self.good.items() if not good}


def pushed(rig: RigFacts, name: str) -> Image:
    """Push a small image of both architectures."""
    reference = f"{rig.registry}/{NAMESPACE}/{name}:1"
    return push(reference, {architecture: rig.programs / f"probe-{architecture}" for architecture in SAYS}, [])


@pytest.fixture(scope="module")
def configured(rig: RigFacts, kubectl: Kubectl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Provide everything that a stack needs, with settings for it; yield the working folder."""
    folder = tmp_path_factory.mktemp("doctor")
    images: dict[str, Mapping[str, str]] = {service: pushed(rig, service).manifests for service in SERVICES}
    write_lock(ImageLock(f"{rig.registry}/{NAMESPACE}", "1", images), folder / FILE_NAME)
    settings = {
        "LAB_REGISTRY": f"{rig.registry}/{NAMESPACE}",
        "LAB_REGISTRY_INSECURE": "1",
        "LAB_COLLECTOR_IMAGE": pushed(rig, "otelcol").pinned("amd64"),
        "LAB_KUBECONFIG": str(Certificates(rig.state / "certificates").kubeconfig(LAB_USER)),
        "LAB_NAMESPACE": NAMESPACE,
    }
    with programs.store() as (port, _, _), programs.prometheus(folder, RECEIVER) as metrics:
        servers = {"LAB_REDIS_URL": f"redis://127.0.0.1:{port}/0", "LAB_PROMETHEUS_URL": metrics}
        with granted(kubectl, NAMESPACE), environment_with(**settings, **servers), contextlib.chdir(folder):
            yield folder
    take_away(kubectl, FOREIGN)


def doctor_report(capsys: pytest.CaptureFixture[str]) -> DoctorReport:
    """Run the doctor; return its report."""
    capsys.readouterr()
    code = main(["doctor", "--target", "kubernetes", "--json"])
    output = capsys.readouterr()
    assert len(output.err.splitlines()) <= 5
    checks = json.loads(output.out)
    assert all(check["next_step"] for check in checks if not check["good"])
    good = {check["name"]: check["good"] for check in checks}
    return DoctorReport(code, good, {check["name"]: check["next_step"] for check in checks})


def test_all_is_well_for_a_user_with_no_more_rights_than_needed(
    configured: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every check is good, and the exit code is 0."""
    assert main(["doctor", "--target", "kubernetes"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if not line.startswith("  ✓ ")] == []
    for words in (
        "amd64, kubelet v1",
        "arm64, kubelet v1",
        f"{NAMESPACE}, ours; Pod Security restricted",
        "all 8 there",
    ):
        assert any(words in line for line in lines), words


def test_a_prometheus_that_takes_no_writes_is_found(
    configured: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The next step names the flag that it lacks."""
    with programs.prometheus(tmp_path) as url, environment_with(LAB_PROMETHEUS_URL=url):
        report = doctor_report(capsys)
    assert (report.code, report.bad) == (69, {"prometheus"})
    assert RECEIVER in report.steps["prometheus"]


def test_a_store_that_is_not_there_is_found(configured: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The next step starts one on this machine, where it was looked for."""
    with environment_with(LAB_REDIS_URL="redis://127.0.0.1:1/0"):
        report = doctor_report(capsys)
    assert (report.code, report.bad) == (69, {"redis"})
    assert report.steps["redis"] == "sudo systemctl restart redis-server || sudo docker start redis"


def test_an_image_by_tag_is_found_with_the_digest_to_write(
    configured: Path, rig: RigFacts, capsys: pytest.CaptureFixture[str]
) -> None:
    """The next step names the digest for the collector's architecture, and is sufficient."""
    with environment_with(LAB_COLLECTOR_IMAGE=f"{rig.registry}/{NAMESPACE}/otelcol:1"):
        report = doctor_report(capsys)
    assert (report.code, report.bad) == (69, {"collector_image"})
    name, _, value = report.steps["collector_image"].removeprefix("export ").partition("=")
    with environment_with(**{name: value}):
        assert doctor_report(capsys).code == 0


def test_a_user_without_rights_is_told_how_to_get_them(
    configured: Path, rig: RigFacts, kubectl: Kubectl, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An administrator runs the unchanged next step; then every check is good."""
    kubeconfig = foreign(rig, kubectl, tmp_path)
    with environment_with(LAB_KUBECONFIG=str(kubeconfig), LAB_NAMESPACE=FOREIGN):
        before = doctor_report(capsys)
        assert (before.code, before.bad) == (69, {"rights", "nodes", "namespace"})
        step = before.steps["rights"].partition("      (")[0]
        path = f"{Path(sys.executable).parent}:{inherited_environment()['PATH']}"
        own = {"PATH": path, "PYTHONPATH": str(PROJECT), "KUBECONFIG": str(rig.kubeconfig)}
        subprocess.run(["bash", "-c", step], env=inherited_environment() | own, check=True, capture_output=True)
        after = doctor_report(capsys)
    assert (after.code, after.bad) == (0, set())
    assert doctor_report(capsys).code == 0, "the first user has lost rights"


def foreign(rig: RigFacts, kubectl: Kubectl, folder: Path) -> Path:
    """Write the kubeconfig of a user without rights; return its path."""
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "foreign", "namespace": NAMESPACE}}
    kubectl.apply(account)
    config = yaml.safe_load(rig.kubeconfig.read_text())
    config["users"] = [{"name": "somebody", "user": {"token": kubectl("create", "token", "foreign", "-n", NAMESPACE)}}]
    config["contexts"][0]["context"]["user"] = "somebody"
    path = folder / "foreign.kubeconfig"
    path.write_text(json.dumps(config))
    return path
