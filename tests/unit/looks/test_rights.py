"""Rights are read from Roles one verb each; durability from what a store says."""

from dataclasses import dataclass

import pytest

from lab.probes.dependencies import ConfiguredOutside
from lab.probes.rights import missing_rights
from lab.probes.store import durability_of
from lab.settings import LabSettings
from lab.snapshots.probes import Denial
from lab.targets.kubernetes.client.cluster import Where
from lab.targets.kubernetes.client.rights import FAULTS_ROLE, Right, rights_in
from lab.targets.kubernetes.rendering.render import needed_rights


def test_a_role_gives_one_right_for_each_verb_resource_and_name() -> None:
    """In the Role's order."""
    rule = {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "patch"], "resourceNames": ["a"]}
    role = {"kind": "Role", "metadata": {"name": "r", "namespace": "n"}, "rules": [rule]}
    assert list(rights_in(role)) == [Right(verb, "apps", "deployments", "a", "n", "r") for verb in ("get", "patch")]
    assert list(rights_in({"kind": "RoleBinding", "metadata": {"name": "r"}})) == []


def test_what_is_needed_is_what_the_administrator_s_file_gives() -> None:
    """In the namespace, but for nodes; faults are a Role of their own."""
    needed = needed_rights("elsewhere")
    assert Right("patch", "", "secrets", "lab-registry", "elsewhere", "lab") in needed
    assert Right("create", "", "pods/exec", "", "elsewhere", FAULTS_ROLE) in needed
    assert {one.resource for one in needed if not one.namespace} == {"nodes"}


KUBECONFIG = Where("https://cluster", "entry-of-the-kubeconfig", "c", "testbed")


@dataclass(frozen=True)
class Allowing:
    """A cluster whose user may do everything but one verb on one resource; its kubeconfig calls the user otherwise."""

    denied: tuple[str, str]
    namespace: str = "testbed"
    where: Where = KUBECONFIG

    def may(self, right: Right) -> bool:
        """Whether the user has a right."""
        return (right.verb, right.resource) != self.denied

    def user(self) -> str:
        """Who the API server takes the user for."""
        return "system:serviceaccount:testbed:jane"


def test_a_missing_right_is_that_of_the_user_whom_the_api_server_knows() -> None:
    """A binding to another name would give nobody anything."""
    rights = needed_rights("testbed")
    [denial] = missing_rights(Allowing(("list", "pods")), rights)  # type: ignore[arg-type]
    assert denial == Denial("list", "pods", "testbed", "", "system:serviceaccount:testbed:jane")
    assert missing_rights(Allowing(("", "")), rights) == ()  # type: ignore[arg-type]


def test_a_right_that_only_faults_need_is_no_denial_for_a_diagnosis() -> None:
    """An administrator may leave the Role of faults out."""
    outside = ConfiguredOutside(LabSettings())
    assert outside.rights(Allowing(("create", "pods/exec"))) == ()  # type: ignore[arg-type]
    [denial] = outside.rights(Allowing(("get", "pods/log")))  # type: ignore[arg-type]
    assert (denial.verb, denial.resource) == ("get", "pods/log")


@pytest.mark.parametrize(
    ("persistence", "role", "fsync", "expected"),
    [
        ({"aof_enabled": "1", "aof_last_write_status": "ok"}, "master", "always", "durable"),
        ({"aof_enabled": "1", "aof_last_write_status": "ok"}, "master", "everysec", "window"),
        ({"aof_enabled": "1", "aof_last_write_status": "err"}, "master", "always", "window"),
        ({"aof_enabled": "1", "aof_last_write_status": "ok"}, "slave", "always", "window"),
        ({"aof_enabled": "0"}, "master", "always", "volatile"),
        ({"aof_enabled": "1"}, "master", None, "unknown"),
        ({}, "", "always", "unknown"),
    ],
)
def test_durability_is_what_the_services_would_call_it(
    persistence: dict[str, str], role: str, fsync: str | None, expected: str
) -> None:
    """The class of `ARCHITECTURE.md`, *Durability*."""
    assert durability_of(persistence, role, fsync) == expected
