"""Findings about the labels, selectors, rights and secrets of rendered objects."""

import json
from collections.abc import Iterable, Iterator, Mapping

from lab.snapshots.kubernetes import ARCHITECTURE_LABEL, NAME_LABEL, STACK_LABEL
from lab.systems.services import SERVICES
from lab.targets.kubernetes.objects import APP_ARCHITECTURE_LABEL, MANAGED_BY, MANAGER, KubeObject


def label_findings(objects: Iterable[KubeObject], stack: str) -> list[str]:
    """Return the objects without the labels of their manager and their stack."""
    wanted = {MANAGED_BY: MANAGER, STACK_LABEL: stack}
    return [str(item) for item in objects if not wanted.items() <= (item.body["metadata"].get("labels") or {}).items()]


def selector_findings(objects: Iterable[KubeObject]) -> list[str]:
    """Return the selectors with other labels than they should have.

    A Service and a budget select the name alone, the Deployment of a service the name and the architecture.
    """
    return [f"{item}: selects by {sorted(labels)}" for item, labels, wanted in _selectors(objects) if labels != wanted]


def _selectors(objects: Iterable[KubeObject]) -> Iterator[tuple[KubeObject, set[str], set[str]]]:
    for item in objects:
        spec = item.body.get("spec") or {}
        if item.kind == "Service":
            yield item, set(spec["selector"]), {NAME_LABEL}
        elif item.kind == "PodDisruptionBudget":
            yield item, set(spec["selector"]["matchLabels"]), {NAME_LABEL}
        elif item.kind == "Deployment":
            name = spec["template"]["metadata"]["labels"][NAME_LABEL]
            wanted = {NAME_LABEL, APP_ARCHITECTURE_LABEL} if name in SERVICES else {NAME_LABEL}
            yield item, set(spec["selector"]["matchLabels"]), wanted


def placement_findings(objects: Iterable[KubeObject]) -> list[str]:
    """Return the objects whose pods may run on a node of another architecture than their label names."""
    findings = []
    for item in objects:
        if item.pod:
            labels = item.body["spec"]["template"]["metadata"]["labels"]
            node = (item.pod.get("nodeSelector") or {}).get(ARCHITECTURE_LABEL)
            if not node or labels.get(APP_ARCHITECTURE_LABEL, node) != node:
                findings.append(f"{item}: node {node}")
    return findings


def right_findings(documents: Iterable[KubeObject]) -> list[str]:
    """Return the rights that are too wide: wildcards, reading Secrets, rights over rights."""
    findings = []
    for item in documents:
        for rule in item.body.get("rules") or ():
            words = [word for key in ("apiGroups", "resources", "verbs") for word in rule.get(key) or ()]
            if any("*" in word for word in words):
                findings.append(f"{item}: wildcard")
            if "secrets" in rule["resources"] and {"get", "list", "watch"} & set(rule["verbs"]):
                findings.append(f"{item}: reads Secrets")
            if {"escalate", "bind", "impersonate"} & set(rule["verbs"]):
                findings.append(f"{item}: rights over rights")
    return findings


def leaks(objects: Iterable[KubeObject], secrets: Mapping[str, Mapping[str, bytes]]) -> list[str]:
    """Return the objects other than Secrets that contain a value of a Secret."""
    values = {value.decode(errors="replace") for content in secrets.values() for value in content.values()}
    texts = ((item, json.dumps(dict(item.body))) for item in objects if item.kind != "Secret")
    return [str(item) for item, text in texts if any(value in text for value in values)]
