"""What the lab may do in a cluster is little, and written down."""

from typing import Any

import pytest
import yaml

from lab.cli import main
from lab.targets.kubernetes.objects import KubeObject, kube_object
from lab.targets.kubernetes.rendering.render import render_rbac
from tests.rendered.hygiene import right_findings
from tests.rendered.rights import GOLDEN


def rights(text: str) -> list[KubeObject]:
    """Objects of an administrator's file."""
    return [kube_object(body) for body in yaml.safe_load_all(text)]


def test_rights_are_narrow() -> None:
    """No wildcard, no reading of Secrets, nothing cluster-wide but looking at nodes, one subject."""
    found = rights(render_rbac(namespace="elsewhere", user="me"))
    assert right_findings(found) == []
    assert [str(one) for one in found if one.kind.startswith("Cluster")] == [
        "ClusterRole lab-nodes",
        "ClusterRoleBinding lab-nodes-elsewhere-me",
    ]
    assert {one.namespace for one in found if one.kind in {"Role", "RoleBinding"}} == {"elsewhere"}
    assert {subject["name"] for one in found for subject in one.body.get("subjects") or ()} == {"me"}


def test_whoever_is_given_the_rights_takes_them_from_nobody() -> None:
    """Two users of one namespace have bindings of their own, to the same Roles."""

    def names(user: str, *, of_bindings: bool) -> set[str]:
        found = rights(render_rbac(namespace="shared", user=user))
        return {str(one) for one in found if one.kind.endswith("Binding") is of_bindings}

    assert len(names("jane", of_bindings=True)) == 3
    assert not names("jane", of_bindings=True) & names("https://issuer#eve", of_bindings=True)
    assert names("jane", of_bindings=False) == names("https://issuer#eve", of_bindings=False)


def test_faults_are_a_right_of_their_own() -> None:
    """Without them nobody may execute anything in a pod."""
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
    """The Role is named."""
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "x"}, "rules": [rule]}
    assert right_findings([kube_object(role)]) == [f"Role x: {finding}"]


def test_rights_are_the_golden_ones() -> None:
    """A right more or less is a decision, and is made here."""
    found: dict[str, str] = {}
    for thing in rights(render_rbac(namespace="testbed", user="me")):
        for rule in thing.body.get("rules") or ():
            names = [f"/{name}" for name in rule.get("resourceNames") or ()] or [""]
            for group in rule["apiGroups"]:
                for resource in rule["resources"]:
                    for name in names:
                        found[f"{resource}{'.' if group else ''}{group}{name}"] = " ".join(rule["verbs"])
    assert found == GOLDEN


def test_they_are_printed_ready_to_be_applied(capsys: pytest.CaptureFixture[str]) -> None:
    """`lab rbac print` says the same, with namespace and user put in."""
    assert main(["rbac", "print", "--namespace", "mine", "--user", "me", "--no-faults"]) == 0
    assert capsys.readouterr().out == render_rbac(namespace="mine", user="me", faults=False)
