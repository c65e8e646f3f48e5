"""Labels, selectors, rights and secrets of rendered objects."""

import json
from collections.abc import Iterable, Iterator, Mapping

from lab.systems.services import SERVICES
from lab.targets.kubernetes.objects import ARCHITECTURE_LABEL, MANAGED_BY, MANAGER, NAME_LABEL, STACK_LABEL, KubeObject

ARCHITECTURE = "kubernetes.io/arch"


def label_findings(objects: Iterable[KubeObject], stack: str) -> list[str]:
    """Objects by which nobody could tell whose they are."""
    wanted = {MANAGED_BY: MANAGER, STACK_LABEL: stack}
    return [
        str(thing) for thing in objects if not wanted.items() <= (thing.body["metadata"].get("labels") or {}).items()
    ]


def selector_findings(objects: Iterable[KubeObject]) -> list[str]:
    """Selectors that are not the name alone (Service, budget), or name and architecture (a service's Deployment)."""
    return [f"{thing}: selects by {sorted(found)}" for thing, found, wanted in _selectors(objects) if found != wanted]


def _selectors(objects: Iterable[KubeObject]) -> Iterator[tuple[KubeObject, set[str], set[str]]]:
    for thing in objects:
        spec = thing.body.get("spec") or {}
        if thing.kind == "Service":
            yield thing, set(spec["selector"]), {NAME_LABEL}
        elif thing.kind == "PodDisruptionBudget":
            yield thing, set(spec["selector"]["matchLabels"]), {NAME_LABEL}
        elif thing.kind == "Deployment":
            own = spec["template"]["metadata"]["labels"][NAME_LABEL]
            wanted = {NAME_LABEL, ARCHITECTURE_LABEL} if own in SERVICES else {NAME_LABEL}
            yield thing, set(spec["selector"]["matchLabels"]), wanted


def placement_findings(objects: Iterable[KubeObject]) -> list[str]:
    """Pods that may land on a node of another architecture than their image's; `images` says whose it is."""
    found = []
    for thing in objects:
        if thing.pod:
            labels = thing.body["spec"]["template"]["metadata"]["labels"]
            node = (thing.pod.get("nodeSelector") or {}).get(ARCHITECTURE)
            if not node or labels.get(ARCHITECTURE_LABEL, node) != node:
                found.append(f"{thing}: node {node}")
    return found


def right_findings(documents: Iterable[KubeObject]) -> list[str]:
    """Rights that are too wide: wildcards, reading Secrets, rights over rights."""
    found = []
    for thing in documents:
        for rule in thing.body.get("rules") or ():
            words = [word for key in ("apiGroups", "resources", "verbs") for word in rule.get(key) or ()]
            if any("*" in word for word in words):
                found.append(f"{thing}: wildcard")
            if "secrets" in rule["resources"] and {"get", "list", "watch"} & set(rule["verbs"]):
                found.append(f"{thing}: reads Secrets")
            if {"escalate", "bind", "impersonate"} & set(rule["verbs"]):
                found.append(f"{thing}: rights over rights")
    return found


def leaks(objects: Iterable[KubeObject], secrets: Mapping[str, Mapping[str, bytes]]) -> list[str]:
    """Objects other than Secrets that hold what a Secret holds."""
    values = {value.decode(errors="replace") for content in secrets.values() for value in content.values()}
    shown = ((thing, json.dumps(dict(thing.body))) for thing in objects if thing.kind != "Secret")
    return [str(thing) for thing, text in shown if any(value in text for value in values)]
