"""Deployments of the stack that are gone are reported, and nothing that was never deployed."""

from dataclasses import replace
from typing import Any

import pytest

from lab.diagnosis.diagnose import diagnose
from lab.snapshots.gaps import Denial
from lab.snapshots.snapshot import Snapshot
from tests.unit.diagnosis.builders import (
    NAMESPACE,
    ago,
    deployment,
    deployments_of,
    healthy,
    pods_without,
    with_objects,
    with_probes,
)
from tests.unit.diagnosis.findings import causes, only

UP = f"lab up --target kubernetes --namespace {NAMESPACE} --force"
LABELS = {"lab.observability/stack": "lab"}


def labelled(**lists: Any) -> Snapshot:
    """Return a snapshot with something that is left of a stack, labelled as the lab applies it."""
    settings = {"metadata": {"name": "lab-settings-5g7h", "labels": LABELS, "creationTimestamp": ago(900)}}
    return with_objects(healthy(), **({"config_maps": (settings,)} | lists))


def without(name: str, *more: Any) -> Snapshot:
    """Return a snapshot of a stack, with some more Deployments, from which one was deleted with its pods."""
    deployments = (*deployments_of(healthy()), *more)
    left = tuple(deployment for deployment in deployments if deployment["metadata"]["name"] != name)
    return labelled(deployments=left, pods=pods_without(healthy(), name))


@pytest.mark.parametrize("name", ["query-api-amd64", "query-api-arm64", "process-worker-arm64"])
def test_a_deployment_that_was_deleted_is_reported(name: str) -> None:
    """The rest of a stack on two architectures is there."""
    snapshot = without(name, deployment("query-api", "arm64"))
    query_api = next(wanted for wanted in snapshot.wanted if wanted.service == "query-api")
    finding = only(replace(snapshot, wanted=(*snapshot.wanted, replace(query_api, architecture="arm64"))))
    assert (finding.cause, finding.object, finding.do) == ("not-deployed", f"Deployment/{name}", UP)


def test_a_stack_of_which_only_settings_are_left_is_one_finding() -> None:
    """All its Deployments were deleted at once."""
    finding = only(labelled(deployments=(), pods=()))
    assert (finding.cause, finding.object, finding.do) == ("not-deployed", f"Namespace/{NAMESPACE}", UP)


def test_what_was_never_deployed_is_not_missed() -> None:
    """So it is without a stack, with a stack that is just applied, and with locked images that it does not use."""
    assert diagnose(with_objects(healthy(), deployments=(), pods=(), config_maps=())) == ()
    fresh = {"metadata": {"name": "s", "labels": LABELS, "creationTimestamp": ago(3)}}
    assert diagnose(with_objects(healthy(), deployments=(), pods=(), config_maps=(fresh,))) == ()
    stack = labelled()
    locked = tuple(replace(wanted, architecture="riscv64") for wanted in stack.wanted)
    assert diagnose(replace(stack, wanted=(*stack.wanted, *locked))) == ()


def test_a_stack_of_which_one_architecture_alone_handles_events_is_whole() -> None:
    """Every service has one Deployment, and the lock has images for two."""
    snapshot = without("process-worker-amd64")
    both = {
        (wanted.service, architecture): replace(wanted, architecture=architecture)
        for wanted in snapshot.wanted
        for architecture in ("amd64", "arm64")
    }
    assert diagnose(replace(snapshot, wanted=tuple(both.values()))) == ()


def test_deployments_that_may_not_be_listed_are_not_called_gone() -> None:
    """The missing right is the finding."""
    denials = (Denial("list", "deployments", NAMESPACE, "apps", "lab-user"),)
    assert causes(with_probes(labelled(deployments=(), pods=()), denials=denials)) == ["forbidden"]
