"""Who may talk to whom, worked out from NetworkPolicies."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from lab.targets.kubernetes.objects import NAME_LABEL, KubeObject

ANYBODY: Final = "anybody"
Labels = Mapping[str, str]
Rule = Mapping[str, Any]


def network_matrix(objects: Iterable[KubeObject]) -> set[str]:
    """`who → whom:port` for everything that is allowed; `anybody` is whoever is not one of the stack's pods."""
    objects = tuple(objects)
    pods = {thing.body["spec"]["template"]["metadata"]["labels"][NAME_LABEL]: thing for thing in objects if thing.pod}
    policies = [thing.body["spec"] for thing in objects if thing.kind == "NetworkPolicy"]
    allowed = set()
    for name, pod in pods.items():
        for port in {port["containerPort"] for container in pod.containers() for port in container.get("ports") or ()}:
            callers = _rules(policies, "Ingress", _labels(pod))
            if any(_has_port(rule, port) and "from" not in rule for rule in callers):
                allowed.add(f"{ANYBODY} → {name}:{port}")
            for other, caller in pods.items():
                sends = _any(_rules(policies, "Egress", _labels(caller)), "to", _labels(pod), port)
                if sends and _any(callers, "from", _labels(caller), port):
                    allowed.add(f"{other} → {name}:{port}")
        allowed |= set(_outside(name, _rules(policies, "Egress", _labels(pod))))
    return allowed


def _labels(thing: KubeObject) -> Labels:
    labels: Labels = thing.body["spec"]["template"]["metadata"]["labels"]
    return labels


def _rules(policies: Sequence[Rule], direction: str, labels: Labels) -> list[Rule]:
    """Rules for pods with these labels; one that allows everything where no policy is about them."""
    about = [one for one in policies if direction in one["policyTypes"] and _selects(one["podSelector"], labels)]
    return [rule for one in about for rule in one.get(direction.lower()) or ()] if about else [{}]


def _any(rules: Sequence[Rule], side: str, labels: Labels, port: int) -> bool:
    return any(_has_port(rule, port) and _is_peer(rule.get(side), labels) for rule in rules)


def _has_port(rule: Rule, port: int) -> bool:
    return "ports" not in rule or any(one["port"] == port for one in rule["ports"])


def _is_peer(peers: Sequence[Rule] | None, labels: Labels) -> bool:
    return peers is None or any("podSelector" in peer and _selects(peer["podSelector"], labels) for peer in peers)


def _outside(name: str, rules: Sequence[Rule]) -> Iterator[str]:
    for rule in rules:
        wheres = [peer["ipBlock"]["cidr"] for peer in rule["to"] if "ipBlock" in peer] if "to" in rule else [ANYBODY]
        for where in wheres:
            for port in rule.get("ports", [{"port": "any"}]):
                yield f"{name} → {where}:{port['port']}"


def _selects(selector: Rule, labels: Labels) -> bool:
    wanted = (selector.get("matchLabels") or {}).items()
    expressions = selector.get("matchExpressions") or ()
    assert all(one["operator"] == "In" for one in expressions), "the only operator these policies use"
    return all(labels.get(key) == value for key, value in wanted) and all(
        labels.get(one["key"]) in one["values"] for one in expressions
    )
