"""Renders the rights that a cluster's administrator grants once, so that a user may run the lab."""

import json
import re

from lab.snapshots.kubernetes import Raw
from lab.snapshots.kubernetes.rights import FAULTS_ROLE, NODES_ROLE, ROLE, Right, rights_in
from lab.targets.kubernetes.rendering.documents import as_yaml
from lab.targets.kubernetes.rendering.kustomization import API
from lab.targets.kubernetes.rendering.manifests import FOLDER, kustomized, manifests_folder


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


def binding_of(user: str, role: str) -> str:
    """Return the name of the binding that grants a user a Role. Every user has a binding of their own.

    >>> binding_of("oidc:jane/doe", "lab-faults")
    'lab-faults-oidc:jane-doe'
    """
    return f"{role}-{re.sub('[/%]', '-', user)}"


def nodes_binding(user: str, namespace: str) -> str:
    """Return the name of the ClusterRoleBinding for reading nodes, which also holds the namespace.

    >>> nodes_binding("jane", "testbed")
    'lab-nodes-testbed-jane'
    """
    return binding_of(user, f"{NODES_ROLE}-{namespace}")


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
    kustomization = {**API, "namespace": namespace, "resources": [f"{FOLDER}/rbac"], "patches": patches}
    return kustomized(kustomization, manifests_folder())
