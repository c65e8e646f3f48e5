"""Rights are read from Roles one verb each; durability from what a store says."""

import pytest

from lab.looks.store import durability_of
from lab.targets.manifests import needed_rights
from lab.targets.rights import FAULTS_ROLE, Right, rights_in


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
