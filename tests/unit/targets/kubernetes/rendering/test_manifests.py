"""Manifests that cannot be rendered are an error with a next step."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from lab.errors import BadConfig, InternalFault
from lab.targets.kubernetes.rendering.manifests import FOLDER, kustomized, manifests_folder
from lab.targets.kubernetes.rendering.render import render
from tests.rendered.samples import SAMPLES


@pytest.fixture
def manifests(tmp_path: Path) -> Path:
    """Return a copy of the manifests, which a test may change."""
    return Path(shutil.copytree(manifests_folder(), tmp_path / FOLDER))


def test_manifests_that_kustomize_refuses_are_compared_with_the_repository(manifests: Path) -> None:
    """The error has the words of kustomize, without the folder of the copy."""
    (manifests / "base" / "kustomization.yaml").write_text("resources: [gone.yaml]\n")
    with pytest.raises(InternalFault, match="the manifests cannot be rendered") as error:
        render(SAMPLES["k3s"], manifests=manifests)
    assert "gone.yaml" in error.value.found
    assert "lab-render-" not in error.value.found
    assert error.value.next_step.startswith("git diff manifests/")


def test_a_kustomize_that_does_not_end_is_an_error(manifests: Path) -> None:
    """The error has the limit."""
    with pytest.raises(InternalFault, match="the manifests cannot be rendered") as error:
        kustomized({"resources": [f"{FOLDER}/rbac"]}, manifests, timeout_s=0.0)
    assert error.value.found == "rendering took longer than 0 s"
    assert error.value.next_step == "repeat the command when this machine is less busy"


def test_an_overlay_that_is_not_there_is_replaced_by_a_setting() -> None:
    """The error names those that are there."""
    with pytest.raises(BadConfig, match='no overlay "k8s"') as error:
        render(replace(SAMPLES["k3s"], overlay="k8s"))
    assert error.value.found == "there are: k3s, rig"
    assert error.value.next_step == "export LAB_OVERLAY=k3s"


def test_a_second_server_is_left_out_by_a_setting() -> None:
    """The error names both places."""
    with pytest.raises(BadConfig, match="two servers of prometheus for the stack") as error:
        render(replace(SAMPLES["k3s-inside"], remote_write_url="http://h"))
    assert error.value.found == "one inside the cluster, another at http://h"
    assert error.value.next_step == "leave one of them out: unset LAB_PROMETHEUS_IMAGE"
