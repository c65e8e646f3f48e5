"""Where a stack is looked for when the user names no target."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.cli.default_target import default_target
from lab.settings import LabSettings, load_settings
from lab.targets.processes.locks import Lock
from lab.targets.processes.places import kept_folder


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LabSettings:
    """Settings of a user whose home is empty."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    return load_settings(state_dir=tmp_path / "state")


@pytest.fixture
def stack(settings: LabSettings) -> Iterator[None]:
    """A stack that is up on this machine."""
    folder = kept_folder(settings)
    folder.make()
    lock = Lock(folder.lock)
    yield
    lock.release()


def test_without_a_kubeconfig_it_is_this_machine(settings: LabSettings) -> None:
    """A namespace, which only a cluster has, means the cluster all the same."""
    assert default_target(settings, "") == "processes"
    assert default_target(settings, "testbed") == "kubernetes"


def test_a_kubeconfig_at_home_is_seen_as_soon_as_it_is_there(settings: LabSettings, tmp_path: Path) -> None:
    """`kubectl` reads it, too."""
    assert default_target(settings, "") == "processes"
    (tmp_path / ".kube").mkdir()
    (tmp_path / ".kube" / "config").touch()
    assert default_target(settings, "") == "kubernetes"


def test_a_kubeconfig_that_a_variable_or_a_setting_names_is_enough(
    settings: LabSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether its file is there is told by the cluster's client."""
    assert default_target(settings.model_copy(update={"kubeconfig": Path("there")}), "") == "kubernetes"
    monkeypatch.setenv("KUBECONFIG", "there")
    assert default_target(settings, "") == "kubernetes"


@pytest.mark.usefixtures("stack")
def test_a_stack_that_is_up_here_comes_before_a_kubeconfig(
    settings: LabSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A namespace comes before both."""
    monkeypatch.setenv("KUBECONFIG", "there")
    assert default_target(settings, "") == "processes"
    assert default_target(settings, "testbed") == "kubernetes"
