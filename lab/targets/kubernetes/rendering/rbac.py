"""Renders the rights that a cluster's administrator grants once, so that a user may run the lab."""

import json

from lab.snapshots.kubernetes import Raw
from lab.targets.kubernetes.client.rights import (
    FAULTS_ROLE,
    NODES_ROLE,
    ROLE,
    Right,
    binding_of,
    nodes_binding,
    rights_in,
)
from lab.targets.kubernetes.rendering.documents import FOLDER, as_yaml, kustomized
from lab.targets.kubernetes.rendering.kustomization import API


def render_rbac(*, namespace: str, user: str, faults: bool = True) -> str:
    """Return Roles and bindings as YAML.

    Args:
        namespace: Namespace that the lab works in.
        user: Name of a user or a group.
        faults: Whether faults may be injected, which needs `pods/exec`.
    """
    bodies = _rbac(namespace, user)
    return as_yaml([body for body in bodies if faults or body.get("roleRef", body["metadata"])["name"] != FAULTS_ROLE])


def needed_rights(namespace: str) -> tuple[Right, ...]:
    """Return every right that `render_rbac` grants."""
    return tuple(right for body in _rbac(namespace, "lab-user") for right in rights_in(body))


def _rbac(namespace: str, user: str) -> list[Raw]:
    subjects = [{"op": "replace", "path": f"/subjects/{index}/name", "value": user} for index in (0, 1)]
    bindings = [("RoleBinding", role, binding_of(user, role)) for role in (ROLE, FAULTS_ROLE)]
    bindings.append(("ClusterRoleBinding", NODES_ROLE, nodes_binding(user, namespace)))
    patches = [
        {
            "target": {"kind": kind, "name": role},
            "patch": json.dumps([*subjects, {"op": "replace", "path": "/metadata/name", "value": name}]),
            "options": {"allowNameChange": True},
        }
        for kind, role, name in bindings
    ]
    return kustomized({**API, "namespace": namespace, "resources": [f"{FOLDER}/rbac"], "patches": patches})
