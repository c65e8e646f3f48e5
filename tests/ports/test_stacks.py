"""What every source of stacks does that is asked for a snapshot: the target on a cluster, and the fake."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lab.errors import Forbidden, LabError, Unavailable
from lab.probes.ports import Stacks
from lab.settings import LabSettings
from lab.snapshots.kubernetes import STACK_LABEL
from lab.targets.kubernetes.credentials.credentials import names_of, provide_credentials
from lab.targets.kubernetes.rendering.from_settings import STACK
from lab.targets.kubernetes.target import KubernetesTarget
from tests.fakes.probed import FakeCluster, FakeRunningStack, FakeStacks, forbidden
from tests.unit.targets.kubernetes.api_server import serving
from tests.unit.targets.kubernetes.object_server import ObjectServer

DEPLOYMENTS = "/apis/apps/v1/namespaces/testbed/deployments"
Open = Callable[..., Stacks]


@pytest.fixture(params=["kubernetes", "memory"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Yield what plants each: *up*, whether a stack is up; *refuses*, whether the user may not list Deployments."""
    with ExitStack() as servers:

        def of_a_target(*, up: bool = False, refuses: bool = False, away: bool = False) -> Stacks:
            server = servers.enter_context(serving(ObjectServer()))
            metadata = {"name": "query-api", "labels": {STACK_LABEL: STACK}}
            server.hold([{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata}] if up else [])
            server.refuses = {DEPLOYMENTS: 403} if refuses else {}
            kubeconfig = server.kubeconfig(tmp_path)
            settings = LabSettings(state_dir=tmp_path, kubeconfig=kubeconfig, context="here", namespace="testbed")
            target = KubernetesTarget(settings)
            if up:
                provide_credentials(target.folder, names_of("testbed"), now=datetime.now(UTC))
            if away:
                servers.close()
            return target

        yield in_memory if request.param == "memory" else of_a_target


def in_memory(*, up: bool = False, refuses: bool = False, away: bool = False) -> Stacks:
    """Return the fake."""
    cluster = FakeCluster(is_away=away)
    refusal = Forbidden("cannot list Deployments", found=forbidden("list", "deployments"))
    return FakeStacks(cluster, FakeRunningStack(cluster) if up else None, refusal if refuses else None)


def test_the_cluster_is_that_of_the_stack(opened: Open) -> None:
    """It answers, whether a stack is up or not."""
    stacks = opened(up=True)
    current = stacks.current()
    assert current is not None
    assert stacks.cluster().namespace == current.cluster.namespace == "testbed"
    assert stacks.cluster().version().startswith("v1.")
    current.close()
    assert opened().cluster().namespace == "testbed"


def test_without_a_stack_there_is_none(opened: Open) -> None:
    """That is no error: nothing was deployed yet."""
    assert opened().current() is None


def test_a_stack_that_may_not_be_asked_for_is_an_error(opened: Open) -> None:
    """It is not a stack that is not there."""
    stacks = opened(refuses=True)
    with pytest.raises(Forbidden, match='cannot list resource "deployments"'):
        stacks.current()
    assert stacks.cluster().namespace == "testbed"


@pytest.mark.parametrize("question", [lambda stacks: stacks.cluster(), lambda stacks: stacks.current()])
def test_a_cluster_that_is_away_is_an_error(opened: Open, question: Callable[[Stacks], object]) -> None:
    """Of both questions alike."""
    with pytest.raises(LabError) as away:
        question(opened(away=True))
    assert (type(away.value), away.value.reason) == (Unavailable, "E_UNREACHABLE")
