"""A process in a pod is signalled by kubectl; whoever may not do so learns how to get the right."""

from pathlib import Path
from typing import Final

import pytest

from lab.errors import Forbidden, Unavailable
from lab.targets.kubernetes.breaking.signalling import kill, stopped
from tests.fakes.kubectl import FakeKubectl

MODULE: Final = "services.process_worker"
FORBIDDEN: Final = 'Error from server (Forbidden): pods "a" is forbidden: User "o:eve smith" cannot create pods/exec'
STEP: Final = "lab rbac print --namespace testbed --user 'o:eve smith' | kubectl apply -f -      (as an administrator)"


@pytest.fixture
def kubectl(tmp_path: Path) -> FakeKubectl:
    """Return a kubectl that reaches every pod."""
    return FakeKubectl(tmp_path)


def test_a_stopped_process_goes_on_after_an_error(kubectl: FakeKubectl) -> None:
    """The error is raised."""
    with pytest.raises(ZeroDivisionError), stopped(kubectl.commands, "a", MODULE):
        raise ZeroDivisionError
    assert kubectl.done == [f"stop {MODULE} in a", f"continue {MODULE} in a"]


def test_a_user_without_the_right_is_told_the_command_that_grants_it(kubectl: FakeKubectl) -> None:
    """With the user's name as the server knows it."""
    kubectl.fail("a", FORBIDDEN)
    with pytest.raises(Forbidden, match=f"cannot kill {MODULE} in a") as error:
        kill(kubectl.commands, "a", MODULE)
    assert (error.value.next_step, error.value.reason) == (STEP, "E_RBAC")
    with pytest.raises(Forbidden, match=f"cannot pause {MODULE} in a"), stopped(kubectl.commands, "a", MODULE):
        pytest.fail("it was stopped")
    assert kubectl.done == []


def test_a_pod_that_is_not_reached_is_named_with_the_cause(kubectl: FakeKubectl) -> None:
    """The cause is the last line of kubectl."""
    kubectl.fail("a", 'Error from server (NotFound): pods "a" not found')
    with pytest.raises(Unavailable, match=f"cannot kill {MODULE} in a") as error:
        kill(kubectl.commands, "a", MODULE)
    assert error.value.found == 'Error from server (NotFound): pods "a" not found'
    assert error.value.next_step == "lab diagnose"
