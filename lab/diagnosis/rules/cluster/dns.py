"""Names that pods cannot resolve."""

import re
from collections.abc import Iterator
from typing import Final

from lab.diagnosis import remedies
from lab.diagnosis.finding import Finding
from lab.diagnosis.rules.cluster.logs import newest_matches
from lab.snapshots.kubernetes import KubernetesObject
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
    failing = {pod.ref: match.string for pod, match in newest_matches(snapshot, NAME_FAILS)}
    if not failing:
        return
    ref, line = next(iter(failing.items()))
    match = NAME.search(line)
    name = next((group for group in match.groups() if group), "a name") if match else "a name"
    policy = _blocking_policy(snapshot)
    yield Finding(
        "dns-failing",
        f"NetworkPolicy/{policy}" if policy else "Deployment/coredns",
        f"pods cannot resolve {name}",
        found=f"{ref}: {line.strip()}" + (f"; and {len(failing) - 1} more pods" if len(failing) > 1 else ""),
        why=f"network policy {policy} blocks port {DNS_PORT}, which DNS uses"
        if policy
        else "the cluster's DNS does not answer, or does not know the name",
        do=remedies.apply(_dns_policy(snapshot.namespace))
        if policy
        else "kubectl -n kube-system rollout restart deployment/coredns",
        stops=("dns", *failing),
    )


def _blocking_policy(snapshot: Snapshot) -> str:
    """Return a network policy for what pods send, where no policy allows DNS; empty where there is none."""
    policies = [KubernetesObject(raw) for raw in snapshot.objects.network_policies]
    egress = [policy for policy in policies if "Egress" in (policy.spec.get("policyTypes") or ())]
    rules = [rule for policy in egress for rule in policy.spec.get("egress") or ()]
    allowed = any(
        not rule.get("ports") or any(port.get("port") == DNS_PORT for port in rule["ports"]) for rule in rules
    )
    return egress[0].name if egress and not allowed else ""


def _dns_policy(namespace: str) -> dict[str, object]:
    """Return the network policy that allows DNS."""
    ports = [{"protocol": protocol, "port": DNS_PORT} for protocol in ("UDP", "TCP")]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "allow-dns", "namespace": namespace},
        "spec": {"podSelector": {}, "policyTypes": ["Egress"], "egress": [{"ports": ports}]},
    }
