"""The rig, once for all tests of the cluster, where this machine can have one."""

import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from lab.cli import main
from lab.errors import Unavailable
from lab.images.lock import FILE_NAME, read_lock
from lab.settings import load_settings
from lab.targets.kubernetes.deployment import ClusterDeployment
from lab.wiring import open_kubernetes
from tests.cluster import pods, prepare
from tests.cluster.faults.carried_out import Outcome, carry_out_astray, carrying_out
from tests.cluster.faults.failed_up import FailedUp, fail_up
from tests.cluster.faults.machines import Machines
from tests.cluster.faults.place import Common
from tests.cluster.rig.facts import RigFacts
from tests.cluster.rig.kubectl import Kubectl
from tests.cluster.rig.rig import Rig
from tests.cluster.rig.settings import ClusterSettings
from tests.cluster.stack import ON_THE_CLUSTER, Configured, configured

HERE: Final = Path(__file__).parent
TIMEOUT_S: Final = 300
RIG: Final = "rig"
NEEDS_RIG: Final = "rig_possible"
AFTER: Final = "after_the_others"
MEANWHILE: Final = ("test_diagnosis_of_a_stack.py", "test_rendered.py", "test_settings.py")
"""What runs while faults are made in the background; none needs the machine for itself, or changes the settings."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark this folder's tests; those that make a rig of their own come first, those that end what is shared last."""
    ours = [item for item in items if item.path.is_relative_to(HERE)]
    for item in ours:
        item.add_marker(pytest.mark.cluster)
        if item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(TIMEOUT_S))
    # A stack is brought up, used and taken down, each in a test of its own: they follow as they are written.
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> tuple[bool, bool, bool, Path, int]:
    """Without the shared rig first, then beside faults, taking away what is shared last, else as written."""
    names = getattr(item, "fixturenames", ())
    return RIG in names, AFTER in names, item.path.name not in MEANWHILE, item.path, item.location[1] or 0


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip where the rig cannot run, all from this one place so that one line says what is missing; or fail there."""
    lacks = missing() if NEEDS_RIG in getattr(item, "fixturenames", ()) else ""
    if lacks and ClusterSettings().cluster == "required":
        raise Unavailable(lacks)
    if lacks:
        pytest.skip(lacks)


@cache
def missing() -> str:
    """What this machine lacks, in one line."""
    return prepare.missing(load_settings().cache_dir)


@pytest.fixture(scope="session")
def rig_possible() -> None:
    """Whoever asks for it runs only where a rig can."""


@pytest.fixture(scope="session")
def rig(rig_possible: None) -> Iterator[RigFacts]:
    """A cluster that is up: the kept one, or one for this session, of which nothing is left afterwards."""
    with Rig() as made:
        yield made.facts


@pytest.fixture(scope="session")
def kubectl(rig: RigFacts) -> Kubectl:
    """The administrator's kubectl."""
    return Kubectl(rig)


@pytest.fixture
def namespace(kubectl: Kubectl) -> Iterator[str]:
    """A namespace of this test's own, with Pod Security `restricted`."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    kubectl.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
    kubectl.wait_for(f"--namespace={name}", "serviceaccount/default")
    yield name
    kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture(scope="session")
def machines(rig: RigFacts, tmp_path_factory: pytest.TempPathFactory) -> Machines:
    """What a person can do on the rig's machines."""
    made = Machines(tmp_path_factory.mktemp("machines"), rig)
    made.prepare()
    return made


@pytest.fixture(scope="session")
def user(
    rig: RigFacts, kubectl: Kubectl, machines: Machines, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Configured]:
    """A user who is ready to deploy."""
    with configured(rig, kubectl, machines, tmp_path_factory.mktemp("cluster")) as made:
        yield made


@pytest.fixture(scope="session")
def runs(user: Configured) -> Path:
    """The folder of that user's runs."""
    return user.runs


@pytest.fixture(scope="session")
def common(rig: RigFacts, runs: Path, machines: Machines, tmp_path_factory: pytest.TempPathFactory) -> Common:
    """What faults share; the stack comes first: it and they would only keep each other from starting."""
    assert main(["up", *ON_THE_CLUSTER]) == 0
    settings = load_settings()
    worker = read_lock(settings.project / FILE_NAME).reference("process-worker", "amd64")
    folder = tmp_path_factory.mktemp("faults")
    return Common(rig, machines, pods.push_probe(rig), worker, settings.collector_image, folder)


@pytest.fixture(scope="session")
def outcomes(common: Common) -> Iterator[Mapping[str, Future[Outcome]]]:
    """What comes of all faults; they are made in the background, since most of their time is waiting."""
    with carrying_out(common, ClusterSettings().snapshots) as going_on:
        yield going_on


@pytest.fixture(scope="session")
def gone_astray(common: Common) -> Iterator[Future[Mapping[str, Outcome]]]:
    """What comes of metrics that go astray, in the background, too."""
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(carry_out_astray, common, ClusterSettings().snapshots)


@pytest.fixture(scope="session")
def failed_up(common: Common) -> Iterator[Future[FailedUp]]:
    """What comes of a stack that cannot come up, in the background, too."""
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(fail_up, common)


@pytest.fixture
def stack(runs: Path) -> Iterator[ClusterDeployment]:
    """The one stack that all tests share, well; deployed where it is not up."""
    target = open_kubernetes(load_settings())
    deployment = target.current()
    if deployment is None:
        assert main(["up", *ON_THE_CLUSTER]) == 0
        deployment = target.current()
    assert deployment is not None
    with closing(deployment):
        deployment.wait()
        yield deployment


@pytest.fixture
def after_the_others() -> None:
    """Whoever asks for it takes away what others share, and comes last."""
