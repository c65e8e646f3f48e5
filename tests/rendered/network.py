"""Works out which pods may connect to which, from NetworkPolicies."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from lab.snapshots.kubernetes import NAME_LABEL
from lab.targets.kubernetes.objects import KubeObject

ANYBODY: Final = "anybody"
Labels = Mapping[str, str]
Rule = Mapping[str, Any]


def network_matrix(objects: Iterable[KubeObject]) -> set[str]:
    """Return `from → to:port` for everything that is allowed; `anybody` is every peer outside the stack."""
    objects = tuple(objects)
    pods = {_labels(item)[NAME_LABEL]: item for item in objects if item.pod}
    policies = [item.body["spec"] for item in objects if item.kind == "NetworkPolicy"]
    allowed = set()
    for name, pod in pods.items():
        for port in {port["containerPort"] for container in pod.containers() for port in container.get("ports") or ()}:
            callers = _rules(policies, "Ingress", _labels(pod))
            if any(_has_port(rule, port) and "from" not in rule for rule in callers):
                allowed.add(f"{ANYBODY} → {name}:{port}")
            for caller_name, caller in pods.items():
                sends = _any(_rules(policies, "Egress", _labels(caller)), "to", _labels(pod), port)
                if sends and _any(callers, "from", _labels(caller), port):
                    allowed.add(f"{caller_name} → {name}:{port}")
        allowed |= set(_outside(name, _rules(policies, "Egress", _labels(pod))))
    return allowed


def _labels(item: KubeObject) -> Labels:
    labels: Labels = item.body["spec"]["template"]["metadata"]["labels"]
    return labels


def _rules(policies: Sequence[Rule], direction: str, labels: Labels) -> list[Rule]:
    """Return the rules for pods with these labels; a rule that allows everything where no policy selects them."""
    about = [
        policy for policy in policies if direction in policy["policyTypes"] and _selects(policy["podSelector"], labels)
    ]
    return [rule for policy in about for rule in policy.get(direction.lower()) or ()] if about else [{}]


def _any(rules: Sequence[Rule], side: str, labels: Labels, port: int) -> bool:
    return any(_has_port(rule, port) and _is_peer(rule.get(side), labels) for rule in rules)


def _has_port(rule: Rule, port: int) -> bool:
    return "ports" not in rule or any(allowed["port"] == port for allowed in rule["ports"])


def _is_peer(peers: Sequence[Rule] | None, labels: Labels) -> bool:
    return peers is None or any("podSelector" in peer and _selects(peer["podSelector"], labels) for peer in peers)


def _outside(name: str, rules: Sequence[Rule]) -> Iterator[str]:
    for rule in rules:
        peers = [peer["ipBlock"]["cidr"] for peer in rule["to"] if "ipBlock" in peer] if "to" in rule else [ANYBODY]
        for peer in peers:
            for port in rule.get("ports", [{"port": "any"}]):
                yield f"{name} → {peer}:{port['port']}"


def _selects(selector: Rule, labels: Labels) -> bool:
    wanted = (selector.get("matchLabels") or {}).items()
    expressions = selector.get("matchExpressions") or ()
    assert all(expression["operator"] == "In" for expression in expressions), "the only operator these policies use"
    return all(labels.get(key) == value for key, value in wanted) and all(
        labels.get(expression["key"]) in expression["values"] for expression in expressions
    )
