"""The rights of the lab in a cluster are few, and written down."""

from typing import Any

import pytest
import yaml

from lab.cli import main
from lab.targets.kubernetes.objects import KubeObject, kube_object
from lab.targets.kubernetes.rendering.rbac import render_rbac
from tests.rendered.hygiene import right_findings
from tests.rendered.rights import GOLDEN


def rights(text: str) -> list[KubeObject]:
    """Return the objects in an administrator's file."""
    return [kube_object(body) for body in yaml.safe_load_all(text)]


def test_rights_are_narrow() -> None:
    """No wildcard, no reading of Secrets, nothing cluster-wide but reading nodes, one subject."""
    objects = rights(render_rbac(namespace="elsewhere", user="me"))
    assert right_findings(objects) == []
    assert [str(item) for item in objects if item.kind.startswith("Cluster")] == [
        "ClusterRole lab-nodes",
        "ClusterRoleBinding lab-nodes-elsewhere-me",
    ]
    assert {item.namespace for item in objects if item.kind in {"Role", "RoleBinding"}} == {"elsewhere"}
    assert {subject["name"] for item in objects for subject in item.body.get("subjects") or ()} == {"me"}


def test_granting_rights_to_a_user_takes_them_from_no_other() -> None:
    """Two users of one namespace have bindings of their own, to the same Roles."""

    def names(user: str, *, of_bindings: bool) -> set[str]:
        objects = rights(render_rbac(namespace="shared", user=user))
        return {str(item) for item in objects if item.kind.endswith("Binding") is of_bindings}

    assert len(names("jane", of_bindings=True)) == 3
    assert not names("jane", of_bindings=True) & names("https://issuer#eve", of_bindings=True)
    assert names("jane", of_bindings=False) == names("https://issuer#eve", of_bindings=False)


def test_faults_are_a_right_of_their_own() -> None:
    """A user without it may not execute anything in a pod."""
    assert "pods/exec" in render_rbac(namespace="testbed", user="me")
    assert "pods/exec" not in render_rbac(namespace="testbed", user="me", faults=False)


@pytest.mark.parametrize(
    ("rule", "finding"),
    [
        ({"apiGroups": ["*"], "resources": ["pods"], "verbs": ["get"]}, "wildcard"),
        ({"apiGroups": [""], "resources": ["secrets"], "verbs": ["list"]}, "reads Secrets"),
        ({"apiGroups": [""], "resources": ["roles"], "verbs": ["escalate"]}, "rights over rights"),
    ],
)
def test_a_wide_right_is_found(rule: Any, finding: str) -> None:
    """The finding names the Role."""
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "x"}, "rules": [rule]}
    assert right_findings([kube_object(role)]) == [f"Role x: {finding}"]


def test_rights_are_the_golden_ones() -> None:
    """A right is added or removed in `tests/rendered/rights.py`, too."""
    granted: dict[str, str] = {}
    for item in rights(render_rbac(namespace="testbed", user="me")):
        for rule in item.body.get("rules") or ():
            names = [f"/{name}" for name in rule.get("resourceNames") or ()] or [""]
            for group in rule["apiGroups"]:
                for resource in rule["resources"]:
                    for name in names:
                        granted[f"{resource}{'.' if group else ''}{group}{name}"] = " ".join(rule["verbs"])
    assert granted == GOLDEN


def test_they_are_printed_ready_to_be_applied(capsys: pytest.CaptureFixture[str]) -> None:
    """`lab rbac print` prints them with namespace and user."""
    assert main(["rbac", "print", "--namespace", "mine", "--user", "me", "--no-faults"]) == 0
    assert capsys.readouterr().out == render_rbac(namespace="mine", user="me", faults=False)
