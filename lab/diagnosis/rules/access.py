"""What the API server refuses: permissions, quotas, limits, Pod Security; a namespace that does not go."""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from lab.diagnosis import remedies
from lab.diagnosis.finding import Finding
from lab.snapshots.kubernetes import Container, Raw, Thing
from lab.snapshots.quantities import quantity, quantity_text
from lab.snapshots.snapshot import Snapshot

SHOWN: Final = 4
"""How many missing rights a title names."""
MANY: Final = 12
"""How many of them the evidence names."""
PATIENCE_S: Final = 60.0
"""How long a namespace may take to go."""
GRACE_MARGIN_S: Final = 15.0
"""How much longer than the longest grace of its pods, where that is long."""
QUOTA: Final = re.compile(r"exceeded quota: (?P<name>\S+), requested: (?P<asked>\S+), used: (?P<used>\S+), limited")
UNSAID: Final = re.compile(r"failed quota: (?P<name>[^:\s]+): must specify (?P<what>.*)")
RANGE: Final = re.compile(
    r"(?P<bound>minimum|maximum) (?P<resource>\S+) usage per (?P<type>\w+) is (?P<value>\S+?)"
    r"(?:\.  No (?P<unsaid>request|limit) is specified|, but (?P<kind>request|limit) is \S+?)(?:,|$|\]|\.)"
)
POD_SECURITY: Final = re.compile(r'violates PodSecurity "(?P<level>[^"]+)": (?P<what>.*)')
REMAINING: Final = re.compile(r"(?P<what>[\w./-]+) (?:in|has) (?P<count>\d+) resource instances")
SECURE_POD: Final[Mapping[str, Mapping[str, object]]] = {
    "runAsNonRoot": {"runAsNonRoot": True, "runAsUser": 10001},
    "seccompProfile": {"seccompProfile": {"type": "RuntimeDefault"}},
}
SECURE_CONTAINER: Final[Mapping[str, Mapping[str, object]]] = {
    "allowPrivilegeEscalation": {"allowPrivilegeEscalation": False},
    "unrestricted capabilities": {"capabilities": {"drop": ["ALL"]}},
    "privileged": {"privileged": False, "allowPrivilegeEscalation": False},
}
"""What Pod Security names → what satisfies it."""


def is_forbidden(snapshot: Snapshot) -> Iterator[Finding]:
    """The kubeconfig may not do something that the lab needs."""
    denials = snapshot.probes.denials
    for user in sorted({one.user for one in denials}):
        mine = [one for one in denials if one.user == user]
        name = user or "this kubeconfig"
        what = sorted({f"{one.verb} {one.resource}" for one in mine})
        more = f" and {len(what) - SHOWN} more" if len(what) > SHOWN else ""
        places = ", ".join(sorted({one.namespace or "the whole cluster" for one in mine}))
        yield Finding(
            "forbidden",
            f"User/{name}",
            f"{name} may not {', '.join(what[:SHOWN])}{more}",
            found=f"Forbidden in {places}: {', '.join(what[:MANY])}{'…' if len(what) > MANY else ''}",
            why="no Role that is bound to this user allows it; an administrator can",
            do=remedies.grant(snapshot.namespace, user),
            stops=tuple(what),
        )


def quota_is_exceeded(snapshot: Snapshot) -> Iterator[Finding]:
    """A quota leaves no room for a pod, or wants every pod to say what it needs."""
    for workload, said in _refused(snapshot):
        if found := QUOTA.search(said):
            asked, used = (dict(pair.split("=") for pair in found[part].split(",")) for part in ("asked", "used"))
            hard = {key: quantity_text(quantity(used[key]) + quantity(more), key) for key, more in asked.items()}
            change = {"spec": {"hard": hard}}
            do = remedies.patch(snapshot.namespace, f"resourcequota/{found['name']}", change, kind="merge")
            if not all(hard.values()):
                do = remedies.kubectl(snapshot.namespace, "describe", f"resourcequota/{found['name']}")
            why = "the pods that are there use it up; whoever owns the namespace may raise it"
        elif found := UNSAID.search(said):
            do = _say_amounts(snapshot, workload, found["what"])
            why = "where a quota counts a resource, every container has to say how much of it it needs"
        else:
            continue
        yield Finding(
            "quota-exceeded",
            f"ResourceQuota/{found['name']}",
            f"quota {found['name']} does not let {workload.rpartition('/')[2]} start",
            found=_cut(said),
            why=why,
            do=do,
            stops=(workload,),
        )


def _say_amounts(snapshot: Snapshot, workload: str, what: str) -> str:
    """Say for every container what a quota misses, `limits.memory for: a,b; requests.cpu for: a`."""
    asked: dict[str, dict[str, list[str]]] = {}
    for part in what.split("; "):
        resources, _, names = part.partition(" for: ")
        for name in names.split(","):
            named = [one for one in _containers(snapshot, workload) if one.name == name]
            for one in resources.split(","):
                kind, resource = one.split(".", 1) if "." in one else ("requests", one)
                amount = f"{resource}={_amount(named, kind, resource)}"
                asked.setdefault(name, {}).setdefault(kind, []).append(amount)
    steps = []
    for name, kinds in asked.items():
        words = [f"--{kind}={','.join(amounts)}" for kind, amounts in kinds.items()]
        only = ["-c", name] if name else []
        steps.append(remedies.kubectl(snapshot.namespace, "set", "resources", workload.lower(), *only, *words))
    return " && ".join(steps)


def _amount(containers: Sequence[Container], kind: str, resource: str) -> str:
    """A small one; not less as a limit than what is requested, nor more as a request than what is allowed."""
    small = "100m" if resource == "cpu" else "256Mi" if re.search("memory|storage", resource) else "1"
    other = {"limits": "requests", "requests": "limits"}.get(kind, "")
    said = [text for one in containers if (text := one.amount(other, resource))]
    return (max if kind == "limits" else min)([small, *said], key=quantity)


def limit_range_refuses(snapshot: Snapshot) -> Iterator[Finding]:
    """A container asks for less or more than the namespace allows."""
    for workload, said in _refused(snapshot):
        if found := RANGE.search(said):
            resource, kind = found["resource"], found["kind"] or found["unsaid"]
            names = [one["metadata"]["name"] for one in snapshot.objects.limit_ranges]
            words = ["set", "resources", workload.lower(), f"--{kind}s={resource}={found['value']}"]
            if kind == "limit" and found["bound"] == "maximum" and _requests_more(snapshot, workload, found):
                words.append(f"--requests={resource}={found['value']}")
            if kind == "request" and found["bound"] == "minimum" and not found["unsaid"]:
                words += _limit_at_least(snapshot, workload, found)
            yield Finding(
                "limit-range",
                f"LimitRange/{next(iter(names), 'unknown')}",
                f"the limits of the namespace do not let {workload.rpartition('/')[2]} start",
                found=_cut(said),
                why=f"the {found['bound']} {resource} of a {found['type'].lower()} here is {found['value']}",
                do=remedies.kubectl(snapshot.namespace, *words),
                stops=(workload,),
            )


def pod_security_refuses(snapshot: Snapshot) -> Iterator[Finding]:
    """A pod asks for more rights than the namespace gives."""
    for workload, said in _refused(snapshot):
        found, deployment = POD_SECURITY.search(said), snapshot.deployment(workload)
        if not found or deployment is None:
            continue
        pod = _merged(SECURE_POD, found["what"])
        inner = _merged(SECURE_CONTAINER, found["what"])
        spec: dict[str, object] = {"securityContext": pod} if pod else {}
        if inner:
            asked: Raw = deployment.spec["template"]["spec"]
            for kind in ("initContainers", "containers"):
                if names := [one["name"] for one in asked.get(kind) or ()]:
                    spec[kind] = [{"name": name, "securityContext": inner} for name in names]
        change = {"spec": {"template": {"spec": spec}}}
        yield Finding(
            "pod-security",
            workload,
            f"Pod Security does not let {workload.rpartition('/')[2]} start",
            found=_cut(said),
            why=f"the namespace enforces {found['level'].partition(':')[0]}; the pod may do more than that",
            do=remedies.patch(snapshot.namespace, workload, change, kind="strategic")
            if spec
            else remedies.kubectl(snapshot.namespace, "edit", workload.lower()),
            stops=(workload,),
        )


def namespace_is_stuck(snapshot: Snapshot) -> Iterator[Finding]:
    """A namespace was deleted and does not go."""
    raw = snapshot.objects.namespace
    deleted = raw.get("metadata", {}).get("deletionTimestamp", "")
    graces = [pod.get("spec", {}).get("terminationGracePeriodSeconds") or 0 for pod in snapshot.objects.pods]
    if not deleted or snapshot.age_s(deleted) < max([PATIENCE_S, *(grace + GRACE_MARGIN_S for grace in graces)]):
        return
    namespace = Thing(raw)
    kinds = ("NamespaceFinalizersRemaining", "NamespaceContentRemaining", "NamespaceDeletionDiscoveryFailure")
    said = [one.message for kind in kinds if (one := namespace.condition(kind)).status == "True"]
    yield Finding(
        "namespace-terminating",
        f"Namespace/{namespace.name}",
        f"namespace {namespace.name} does not go",
        found=f"deleted {snapshot.age_s(deleted):.0f} s ago; {' '.join(said)}",
        why="what is left in it waits for somebody to take a finalizer away, or for a node or an API that is gone",
        do=_let_go(snapshot, " ".join(said)),
    )


def _let_go(snapshot: Snapshot, said: str) -> str:
    """Take away the finalizers that are named, else what is left."""
    if gone := re.search(r"unable to retrieve the complete list of server APIs: ([\w.-]+)/(\w+)", said):
        return shlex.join(["kubectl", "delete", "apiservice", f"{gone[2]}.{gone[1]}"])
    held, left = [], []
    named = {found["what"] for found in REMAINING.finditer(said)}
    for kind in ("pods", "deployments", "config_maps", "volume_claims", "replica_sets", "network_policies", "quotas"):
        for one in getattr(snapshot.objects, kind):
            target = f"{KIND_WORDS[kind]}/{one['metadata']['name']}"
            if named & set(one["metadata"].get("finalizers") or ()):
                held.append(target)
            elif kind == "pods" and any(name.startswith("pods") for name in named):
                left.append(target)
    if held:
        return " && ".join(
            remedies.patch(snapshot.namespace, one, {"metadata": {"finalizers": None}}, kind="merge") for one in held
        )
    if left:
        return remedies.kubectl(snapshot.namespace, "delete", *left, "--grace-period=0", "--force")
    what = next(iter(sorted(name.rstrip(".") for name in named if "/" not in name)), "all")
    return remedies.kubectl(snapshot.namespace, "get", what, "-o", "yaml")


KIND_WORDS: Final = {
    "pods": "pod",
    "deployments": "deployment",
    "config_maps": "configmap",
    "volume_claims": "persistentvolumeclaim",
    "replica_sets": "replicaset",
    "network_policies": "networkpolicy",
    "quotas": "resourcequota",
}


def _refused(snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    """Deployments whose pods the API server refuses, and what it says of their newest revision."""
    newest = snapshot.newest_sets
    for one in map(Thing, snapshot.objects.deployments):
        workload = f"Deployment/{one.name}"
        # A Deployment keeps the refusal of an old revision until the new one is ready.
        said = newest.get(workload, one).condition("ReplicaFailure")
        if said.status == "True":
            yield workload, said.message


def _merged(table: Mapping[str, Mapping[str, object]], what: str) -> dict[str, object]:
    return {key: value for name, change in table.items() if name in what for key, value in change.items()}


def _containers(snapshot: Snapshot, workload: str) -> list[Container]:
    """What a workload asks for its containers, those that run before the others first."""
    deployment = snapshot.deployment(workload)
    spec: Raw = deployment.spec["template"]["spec"] if deployment else {}
    return [Container(one, {}) for kind in ("initContainers", "containers") for one in spec.get(kind) or ()]


def _requests_more(snapshot: Snapshot, workload: str, found: re.Match[str]) -> bool:
    """Whether a request would be above the new limit, which the API server refuses."""
    asked = [one.amount("requests", found["resource"]) for one in _containers(snapshot, workload)]
    return any(quantity(one) > quantity(found["value"]) for one in asked)


def _limit_at_least(snapshot: Snapshot, workload: str, found: re.Match[str]) -> list[str]:
    """Raise the limit, too, where it is below the new request."""
    limits = [one.amount("limits", found["resource"]) for one in _containers(snapshot, workload)]
    low = any(one and quantity(one) < quantity(found["value"]) for one in limits)
    return [f"--limits={found['resource']}={found['value']}"] if low else []


def _cut(said: str) -> str:
    return said if len(said) <= 400 else f"{said[:400]}…"
