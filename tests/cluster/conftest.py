"""Provides the rig, once for all tests of the cluster."""

import uuid
from collections.abc import Generator, Iterator, Mapping
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
from lab.targets.kubernetes.target import KubernetesTarget
from tests.cluster import pods, prepare
from tests.cluster.faults.carried_out import Outcome, carry_out_misrouted, carrying_out
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
FAILED: Final = pytest.StashKey[bool]()
MEANWHILE: Final = ("test_diagnosis_of_a_stack.py", "test_rendered.py", "test_settings.py")
"""Tests that run while faults are made in the background; they do not change settings or measure time."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark this folder's tests. Tests with their own rig come first, tests that remove shared parts last."""
    ours = [item for item in items if item.path.is_relative_to(HERE)]
    for item in ours:
        item.add_marker(pytest.mark.cluster)
        if item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(TIMEOUT_S))
    # One test brings a stack up, others use it, a last one takes it down: their order in a file stays.
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> tuple[bool, bool, bool, Path, int]:
    """Sort by: without the shared rig, beside faults, others, removing shared parts; then by place in the file."""
    names = getattr(item, "fixturenames", ())
    return RIG in names, AFTER in names, item.path.name not in MEANWHILE, item.path, item.location[1] or 0


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip tests where the rig cannot run, or fail them when it is required. One place gives one line of summary."""
    lacks = missing() if NEEDS_RIG in getattr(item, "fixturenames", ()) else ""
    if lacks and ClusterSettings().cluster == "required":
        raise Unavailable(lacks)
    if lacks:
        pytest.skip(lacks)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember that a test failed: it may have left its fault on the shared stack."""
    report = yield
    if report.failed:
        item.session.stash[FAILED] = True
    return report


@cache
def missing() -> str:
    """Return what this machine lacks, in one line."""
    return prepare.missing(load_settings().cache_dir)


@pytest.fixture(scope="session")
def rig_possible() -> None:
    """Mark tests that run only where a rig can run."""


@pytest.fixture(scope="session")
def rig(rig_possible: None) -> Iterator[RigFacts]:
    """Yield a cluster that is up: the kept rig, or a rig for this session."""
    with Rig() as made:
        yield made.facts


@pytest.fixture(scope="session")
def kubectl(rig: RigFacts) -> Kubectl:
    """Return the administrator's kubectl."""
    return Kubectl(rig)


@pytest.fixture
def namespace(kubectl: Kubectl) -> Iterator[str]:
    """Yield a namespace for this test, with Pod Security `restricted`."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    kubectl.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
    kubectl.wait_for(f"--namespace={name}", "serviceaccount/default")
    yield name
    kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture(scope="session")
def machines(rig: RigFacts, tmp_path_factory: pytest.TempPathFactory) -> Machines:
    """Return the rig's machines."""
    made = Machines(tmp_path_factory.mktemp("machines"), rig)
    made.prepare()
    return made


@pytest.fixture(scope="session")
def user(
    rig: RigFacts, kubectl: Kubectl, machines: Machines, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Configured]:
    """Yield a user who is ready to deploy."""
    with configured(rig, kubectl, machines, tmp_path_factory.mktemp("cluster")) as made:
        yield made


@pytest.fixture(scope="session")
def runs(user: Configured) -> Path:
    """Return the folder of the user's runs."""
    return user.runs


@pytest.fixture(scope="session")
def common(rig: RigFacts, runs: Path, machines: Machines, tmp_path_factory: pytest.TempPathFactory) -> Common:
    """Return what faults share. The stack comes up first, because stack and faults would delay each other."""
    assert main(["up", *ON_THE_CLUSTER]) == 0
    settings = load_settings()
    worker = read_lock(settings.project / FILE_NAME).reference("process-worker", "amd64")
    folder = tmp_path_factory.mktemp("faults")
    return Common(rig, machines, pods.push_probe(rig), worker, settings.collector_image, folder)


@pytest.fixture(scope="session")
def outcomes(common: Common, request: pytest.FixtureRequest) -> Iterator[Mapping[str, Future[Outcome]]]:
    """Yield the outcomes of the faults whose tests run, which are made in the background."""
    names = faults_of(request.session, "test_a_fault_is_found_and_its_next_step_cures_it")
    with carrying_out(common, names, ClusterSettings().snapshots) as going_on:
        yield going_on


@pytest.fixture(scope="session")
def misrouted_metrics(common: Common, request: pytest.FixtureRequest) -> Iterator[Future[Mapping[str, Outcome]]]:
    """Yield the outcomes of misrouted metrics whose tests run, which are made in the background."""
    names = faults_of(request.session, "test_misrouted_metrics_are_found")
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(carry_out_misrouted, common, names, ClusterSettings().snapshots)


def faults_of(session: pytest.Session, test: str) -> list[str]:
    """Return the names of the faults that a test of this session is about."""
    functions = (item for item in session.items if isinstance(item, pytest.Function) and item.originalname == test)
    return [str(function.callspec.params["name"]) for function in functions]


@pytest.fixture(scope="session")
def failed_up(common: Common) -> Iterator[Future[FailedUp]]:
    """Yield the outcome of a stack that cannot come up, which is tried in the background."""
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(fail_up, common)


@pytest.fixture
def stack(runs: Path, request: pytest.FixtureRequest) -> Iterator[ClusterDeployment]:
    """Yield the stack that all tests share, ready. Deploy it when it is not up, and after a test that failed."""
    target = KubernetesTarget(load_settings())
    deployment = target.current()
    if deployment is None or request.session.stash.setdefault(FAILED, False):
        request.session.stash[FAILED] = False
        assert main(["up", *ON_THE_CLUSTER]) == 0
        deployment = target.current()
    assert deployment is not None
    with closing(deployment):
        deployment.bring_up()
        yield deployment


@pytest.fixture
def after_the_others() -> None:
    """Mark tests that remove what other tests share; they run last."""
