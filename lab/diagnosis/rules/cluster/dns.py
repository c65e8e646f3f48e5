"""Names that pods cannot resolve."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from lab.diagnosis import remedies
from lab.diagnosis.finding import Finding
from lab.diagnosis.rules.evidence.logs import newest_matches
from lab.snapshots.kubernetes import KubernetesObject, Pod, Raw
from lab.snapshots.snapshot import Snapshot

DNS_PORT: Final = 53
NAME_FAILS: Final = re.compile(
    r"Temporary failure in name resolution|Name or service not known|nodename nor servname|server misbehaving"
    r"|DNS resolution failed|lookup \S+(?: on \S+)?: (?:no such host|i/o timeout)"
)
NAME: Final = re.compile(
    r"lookup (\S+?)(?: on|:)|DNS resolution failed for (?:service: )?([^:\s]+)|connecting to ([^:\s]+)"
)


def names_do_not_resolve(snapshot: Snapshot) -> Iterator[Finding]:
    """Pods cannot resolve names."""
    failing = [(pod, match.string) for pod, match in newest_matches(snapshot, NAME_FAILS)]
    if not failing:
        return
    pod, line = failing[0]
    match = NAME.search(line)
    name = next((group for group in match.groups() if group), "a name") if match else "a name"
    policy = _blocking_policy(snapshot, [failing_pod for failing_pod, _ in failing])
    yield Finding(
        cause="dns-failing",
        object=f"NetworkPolicy/{policy.name}" if policy else "Deployment/coredns",
        title=f"pods cannot resolve {name}",
        found=f"{pod.ref}: {line.strip()}" + (f"; and {len(failing) - 1} more pods" if len(failing) > 1 else ""),
        why=f"network policy {policy.name} blocks port {DNS_PORT}, which DNS uses"
        if policy
        else "the cluster's DNS does not answer, or does not know the name",
        do=remedies.apply(_dns_policy(snapshot.namespace, policy))
        if policy
        else "kubectl -n kube-system rollout restart deployment/coredns",
        stops=("dns", *(failing_pod.ref for failing_pod, _ in failing)),
    )


def _blocking_policy(snapshot: Snapshot, failing: Sequence[Pod]) -> KubernetesObject | None:
    """Return a network policy that keeps a failing pod from DNS; None where some failing pod may reach DNS."""
    policies = [KubernetesObject(raw) for raw in snapshot.objects.network_policies]
    egress = [policy for policy in policies if "Egress" in (policy.spec.get("policyTypes") or ())]
    blocking = None
    for pod in failing:
        selecting = [policy for policy in egress if _selects(policy, pod)]
        if not selecting or any(map(_allows_dns, selecting)):
            return None
        blocking = blocking or selecting[0]
    return blocking


def _selects(policy: KubernetesObject, pod: Pod) -> bool:
    """Return whether a network policy is for a pod. An empty selector selects every pod."""
    selector = policy.spec.get("podSelector") or {}
    labels = (selector.get("matchLabels") or {}).items()
    rules = selector.get("matchExpressions") or ()
    return all(pod.labels.get(key) == value for key, value in labels) and all(_meets(pod, rule) for rule in rules)


def _meets(pod: Pod, rule: Raw) -> bool:
    """Return whether a pod's labels meet one of the `matchExpressions` of a selector."""
    value, values = pod.labels.get(rule["key"]), rule.get("values") or ()
    return {
        "In": value in values,
        "NotIn": value not in values,
        "Exists": value is not None,
        "DoesNotExist": value is None,
    }[rule["operator"]]


def _allows_dns(policy: KubernetesObject) -> bool:
    rules = policy.spec.get("egress") or ()
    return any(not rule.get("ports") or any(port.get("port") == DNS_PORT for port in rule["ports"]) for rule in rules)


def _dns_policy(namespace: str, blocking: KubernetesObject) -> dict[str, object]:
    """Return the network policy that allows DNS to the pods of another one; it would cut off any other pod."""
    ports = [{"protocol": protocol, "port": DNS_PORT} for protocol in ("UDP", "TCP")]
    selector = blocking.spec.get("podSelector") or {}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "allow-dns", "namespace": namespace},
        "spec": {"podSelector": selector, "policyTypes": ["Egress"], "egress": [{"ports": ports}]},
    }
