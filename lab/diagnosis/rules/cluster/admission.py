"""Pods that the API server does not admit: quotas, limit ranges, Pod Security."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from lab.diagnosis import remedies
from lab.diagnosis.finding import Finding, name_of
from lab.snapshots.kubernetes import Container, KubernetesObject, Raw
from lab.snapshots.quantities import quantity, quantity_text
from lab.snapshots.snapshot import Snapshot

EVIDENCE_CHARACTERS: Final = 400
EXCEEDED: Final = re.compile(
    r"exceeded quota: (?P<quota>\S+), requested: (?P<requested>\S+), used: (?P<used>\S+), limited"
)
UNSTATED: Final = re.compile(r"failed quota: (?P<quota>[^:\s]+): must specify (?P<amounts>.*)")
RANGE: Final = re.compile(
    r"(?P<bound>minimum|maximum) (?P<resource>\S+) usage per (?P<type>\w+) is (?P<value>\S+?)"
    r"(?:\.  No (?P<unstated>request|limit) is specified|, but (?P<kind>request|limit) is \S+?)(?:,|$|\]|\.)"
)
POD_SECURITY: Final = re.compile(r'violates PodSecurity "(?P<level>[^"]+)": (?P<violations>.*)')
SECURE_POD: Final[Mapping[str, Mapping[str, object]]] = {
    "runAsNonRoot": {"runAsNonRoot": True, "runAsUser": 10001},
    "seccompProfile": {"seccompProfile": {"type": "RuntimeDefault"}},
}
SECURE_CONTAINER: Final[Mapping[str, Mapping[str, object]]] = {
    "allowPrivilegeEscalation": {"allowPrivilegeEscalation": False},
    "unrestricted capabilities": {"capabilities": {"drop": ["ALL"]}},
    "privileged": {"privileged": False, "allowPrivilegeEscalation": False},
}
"""Violation of Pod Security → the security context that removes it."""


def quota_is_exceeded(snapshot: Snapshot) -> Iterator[Finding]:
    """A quota leaves no room for a pod, or requires every container to state an amount."""
    for workload, message in _refusals(snapshot):
        if match := EXCEEDED.search(message):
            do = _raise_quota(snapshot, match)
            why = "the existing pods use it up; the owner of the namespace may raise it"
        elif match := UNSTATED.search(message):
            do = _state_amounts(snapshot, workload, match["amounts"])
            why = "a quota on a resource requires every container to state how much of it the container needs"
        else:
            continue
        yield Finding(
            cause="quota-exceeded",
            object=f"ResourceQuota/{match['quota']}",
            title=f"quota {match['quota']} does not let {name_of(workload)} start",
            found=_cut(message),
            why=why,
            do=do,
            stops=(workload,),
        )


def limit_range_refuses(snapshot: Snapshot) -> Iterator[Finding]:
    """A container has a lower or higher request or limit than the namespace allows."""
    for workload, message in _refusals(snapshot):
        match = RANGE.search(message)
        if match is None:
            continue
        names = [limit_range["metadata"]["name"] for limit_range in snapshot.objects.limit_ranges]
        yield Finding(
            cause="limit-range",
            object=f"LimitRange/{next(iter(names), 'unknown')}",
            title=f"the limits of the namespace do not let {name_of(workload)} start",
            found=_cut(message),
            why=f"the {match['bound']} {match['resource']} of a {match['type'].lower()} here is {match['value']}",
            do=remedies.kubectl(
                snapshot.namespace, "set", "resources", workload.lower(), *_within(snapshot, workload, match)
            ),
            stops=(workload,),
        )


def pod_security_refuses(snapshot: Snapshot) -> Iterator[Finding]:
    """A pod asks for more privileges than the namespace allows."""
    for workload, message in _refusals(snapshot):
        match, deployment = POD_SECURITY.search(message), snapshot.deployment(workload)
        if not match or deployment is None:
            continue
        spec = _secure_spec(deployment.spec["template"]["spec"], match["violations"])
        change = {"spec": {"template": {"spec": spec}}}
        yield Finding(
            cause="pod-security",
            object=workload,
            title=f"Pod Security does not let {name_of(workload)} start",
            found=_cut(message),
            why=f"the namespace enforces {match['level'].partition(':')[0]}; the pod asks for more privileges",
            do=remedies.patch(snapshot.namespace, workload, change, kind="strategic")
            if spec
            else remedies.kubectl(snapshot.namespace, "edit", workload.lower()),
            stops=(workload,),
        )


def _refusals(snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    """Yield Deployments whose pods the API server refuses, with the message about their newest revision."""
    newest = snapshot.newest_sets
    for deployment in map(KubernetesObject, snapshot.objects.deployments):
        workload = f"Deployment/{deployment.name}"
        # A Deployment keeps the refusal of an old revision until the new one is ready.
        failure = newest.get(workload, deployment).condition("ReplicaFailure")
        if failure.status == "True":
            yield workload, failure.message


def _raise_quota(snapshot: Snapshot, match: re.Match[str]) -> str:
    """Return the command that raises a quota by what was requested."""
    requested, used = (dict(pair.split("=") for pair in match[part].split(",")) for part in ("requested", "used"))
    hard = {key: quantity_text(quantity(used[key]) + quantity(more), key) for key, more in requested.items()}
    quota = f"resourcequota/{match['quota']}"
    if not all(hard.values()):
        return remedies.kubectl(snapshot.namespace, "describe", quota)
    return remedies.patch(snapshot.namespace, quota, {"spec": {"hard": hard}}, kind="merge")


def _state_amounts(snapshot: Snapshot, workload: str, amounts: str) -> str:
    """Return the command that states what a quota misses, for example `limits.memory for: a,b; requests.cpu for: a`."""
    flags: dict[str, dict[str, list[str]]] = {}
    for part in amounts.split("; "):
        resources, _, names = part.partition(" for: ")
        for name in names.split(","):
            named = [container for container in _containers(snapshot, workload) if container.name == name]
            for key in resources.split(","):
                kind, resource = key.split(".", 1) if "." in key else ("requests", key)
                amount = f"{resource}={_small_amount(named, kind, resource)}"
                flags.setdefault(name, {}).setdefault(kind, []).append(amount)
    steps = []
    for name, kinds in flags.items():
        only = ["-c", name] if name else []
        values = [f"--{kind}={','.join(stated)}" for kind, stated in kinds.items()]
        steps.append(remedies.kubectl(snapshot.namespace, "set", "resources", workload.lower(), *only, *values))
    return " && ".join(steps)


def _small_amount(containers: Sequence[Container], kind: str, resource: str) -> str:
    """Return a small amount: a limit is not below the request, a request not above the limit."""
    small = "100m" if resource == "cpu" else "256Mi" if re.search("memory|storage", resource) else "1"
    counterpart = {"limits": "requests", "requests": "limits"}.get(kind, "")
    stated = [amount for container in containers if (amount := container.amount(counterpart, resource))]
    return (max if kind == "limits" else min)([small, *stated], key=quantity)


def _within(snapshot: Snapshot, workload: str, match: re.Match[str]) -> list[str]:
    """Return the flags of `kubectl set resources` that bring a workload within a limit range."""
    resource, value, kind = match["resource"], match["value"], match["kind"] or match["unstated"]
    flags = [f"--{kind}s={resource}={value}"]
    containers = _containers(snapshot, workload)
    if kind == "limit" and match["bound"] == "maximum":
        requests = [container.amount("requests", resource) for container in containers]
        # The API server refuses a request above the new limit.
        if any(quantity(request) > quantity(value) for request in requests):
            flags.append(f"--requests={resource}={value}")
    if kind == "request" and match["bound"] == "minimum" and not match["unstated"]:
        limits = [container.amount("limits", resource) for container in containers]
        # It also refuses a limit below the new request.
        if any(limit and quantity(limit) < quantity(value) for limit in limits):
            flags.append(f"--limits={resource}={value}")
    return flags


def _secure_spec(template: Raw, violations: str) -> dict[str, object]:
    """Return the part of a pod's spec that removes the violations; empty where none of them is known."""
    pod = _merged(SECURE_POD, violations)
    inner = _merged(SECURE_CONTAINER, violations)
    spec: dict[str, object] = {"securityContext": pod} if pod else {}
    for kind in ("initContainers", "containers") if inner else ():
        if names := [container["name"] for container in template.get(kind) or ()]:
            spec[kind] = [{"name": name, "securityContext": inner} for name in names]
    return spec


def _merged(table: Mapping[str, Mapping[str, object]], violations: str) -> dict[str, object]:
    return {key: value for name, change in table.items() if name in violations for key, value in change.items()}


def _containers(snapshot: Snapshot, workload: str) -> list[Container]:
    """Return the containers in a workload's template, init containers first."""
    deployment = snapshot.deployment(workload)
    template: Raw = deployment.spec["template"]["spec"] if deployment else {}
    return [Container(spec, {}) for kind in ("initContainers", "containers") for spec in template.get(kind) or ()]


def _cut(message: str) -> str:
    return message if len(message) <= EVIDENCE_CHARACTERS else f"{message[:EVIDENCE_CHARACTERS]}…"
