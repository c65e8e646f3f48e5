"""Rights are read from Roles, one verb each, and asked of the API server."""

from dataclasses import dataclass

from lab.probes.rights import lacking_rights, missing_rights
from lab.snapshots.gaps import Denial
from lab.snapshots.kubernetes.rights import FAULTS_ROLE, Right, rights_in
from lab.targets.kubernetes.client.where import Where
from lab.targets.kubernetes.rendering.rbac import needed_rights


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
    assert {right.resource for right in needed if not right.namespace} == {"nodes"}


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
    [denial] = missing_rights(Allowing(("list", "pods")), rights)
    assert denial == Denial("list", "pods", "testbed", "", "system:serviceaccount:testbed:jane")
    assert missing_rights(Allowing(("", "")), rights) == ()


def test_a_right_that_only_faults_need_is_no_denial_for_a_diagnosis() -> None:
    """An administrator may leave the Role of faults out."""
    assert lacking_rights(Allowing(("create", "pods/exec"))) == ()
    [denial] = lacking_rights(Allowing(("get", "pods/log")))
    assert (denial.verb, denial.resource) == ("get", "pods/log")
    [denial] = lacking_rights(Allowing(("create", "pods/exec")), of_faults=True)
    assert denial.resource == "pods/exec"
