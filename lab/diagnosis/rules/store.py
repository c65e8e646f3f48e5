"""Redis: unreachable, locked, evicting, not durable; names that cannot be looked up."""

import re
from collections.abc import Iterator
from typing import Final

from lab.diagnosis import remedies
from lab.diagnosis.finding import Finding
from lab.diagnosis.objects import Container, Pod, Thing
from lab.diagnosis.snapshot import Snapshot

DENIED: Final = re.compile(r"WRONGPASS|NOAUTH|refuses to log in|invalid username-password pair|Authentication required")
UNREACHABLE: Final = re.compile(r"(?i)redis (?P<where>\S+:\d+): .*(?:refused|timed? ?out|timeout|unreachable|no route)")
EVICTS: Final = re.compile(r"maxmemory-policy (?P<policy>\S+) can delete events")
NAME_FAILS: Final = re.compile(
    r"Temporary failure in name resolution|Name or service not known|nodename nor servname|server misbehaving"
    r"|DNS resolution failed|lookup \S+(?: on \S+)?: (?:no such host|i/o timeout)"
)
LOOKED_UP: Final = re.compile(
    r"lookup (\S+?)(?: on|:)|DNS resolution failed for (?:service: )?([^:\s]+)|connecting to ([^:\s]+)"
)
ASK_FOR_IT: Final = (
    'read -rsp \'password of Redis: \' WORD && printf %s "$WORD" > "${LAB_REDIS_PASSWORD_FILE:?names no file}"'
)
NEWEST: Final = 5
"""Lines at the end of the log of a pod that is well: what is further up has passed."""


def redis_is_unreachable(snapshot: Snapshot) -> Iterator[Finding]:
    """Nobody answers at the store's address."""
    probe = snapshot.probes.store
    said = {pod.ref: found for pod, found in _said(snapshot, UNREACHABLE)}
    if probe is not None and not probe.reachable:
        address, evidence = probe.address, probe.error or "the lab does not reach it"
    elif said:
        first = next(iter(said.values()))
        address, evidence = first["where"], f"{next(iter(said))} says: {first[0]}; the lab itself reaches it"
    else:
        return
    host, _, port = address.rpartition(":")
    only_inside = probe is not None and probe.reachable
    allow = f"redis-cli -p {port} config set bind '* -::*' && redis-cli -p {port} config rewrite"
    start = "sudo systemctl restart redis-server || sudo docker start redis"
    yield Finding(
        "redis-unreachable",
        f"Redis/{address}",
        f"nobody answers at Redis {address}",
        found=evidence,
        why="it listens on its own machine only, or a firewall keeps the pods away"
        if only_inside
        else "it does not run, or runs elsewhere; without it no event is accepted",
        do=remedies.on(host, allow if only_inside else start),
        stops=("store", *said),
        rests_on=("dns",),
    )


def redis_denies_login(snapshot: Snapshot) -> Iterator[Finding]:
    """The password is missing or wrong."""
    probe, said = snapshot.probes.store, list(_said(snapshot, DENIED))
    denied = probe is not None and probe.authenticated is False
    if not denied and not said:
        return
    pod, secret, key = next(_passwords(snapshot), (None, "lab-store", "password"))
    address = probe.address if probe is not None else "the store"
    yield Finding(
        "redis-password",
        f"Redis/{address}",
        f"Redis {address} does not accept the password",
        found=probe.error if denied and probe is not None else f"{said[0][0].ref} says: {said[0][1].string.strip()}",
        why="the file that LAB_REDIS_PASSWORD_FILE names holds another password"
        if denied
        else f"the lab's password is right; key {key} of secret {secret} holds another one",
        do=" && ".join([*([ASK_FOR_IT] if denied else []), *_give_password(snapshot, pod, secret=secret, key=key)]),
        stops=("store", *(pod.ref for pod, _ in said)),
    )


def _give_password(snapshot: Snapshot, pod: Pod | None, *, secret: str, key: str) -> tuple[str, ...]:
    """Put the lab's password where pods read it."""
    if pod is None or snapshot.is_wanted(pod.workload):
        return (remedies.up(snapshot.namespace),)
    words = ("create", "secret", "generic", secret, "--dry-run=client", "-o", "yaml")
    create = remedies.kubectl(snapshot.namespace, *words)
    again = remedies.restart(snapshot.namespace, pod.workload)
    return (f'{create} --from-file={key}="$LAB_REDIS_PASSWORD_FILE" | kubectl apply -f -', again)


def redis_evicts(snapshot: Snapshot) -> Iterator[Finding]:
    """Redis may delete events when its memory is full."""
    probe, said = snapshot.probes.store, [found["policy"] for _, found in _said(snapshot, EVICTS)]
    policy = (probe.policy if probe is not None else "") or next(iter(said), "noeviction")
    if policy != "noeviction":
        address = probe.address if probe is not None else "127.0.0.1:6379"
        yield Finding(
            "redis-evicts",
            f"Redis/{address}",
            f"Redis {address} may delete events",
            found=f"maxmemory-policy is {policy}",
            why="a store that evicts loses acknowledged events without a word; services refuse to start on it",
            do=_configure(address, "maxmemory-policy noeviction"),
            stops=("store",),
        )


def redis_is_not_durable(snapshot: Snapshot) -> Iterator[Finding]:
    """Acknowledged events may be lost by a crash of the store."""
    probe = snapshot.probes.store
    if probe is not None and probe.durability in {"window", "volatile"}:
        kept = "the last second is lost" if probe.durability == "window" else "everything is lost"
        yield Finding(
            "redis-not-durable",
            f"Redis/{probe.address}",
            f"Redis {probe.address} does not keep what it acknowledged",
            found=f"durability class {probe.durability}: {kept} when it crashes",
            why="only an append-only file that is synced at every write survives; a run on this store is INVALID",
            do=_configure(probe.address, "appendonly yes", "appendfsync always"),
        )


def names_do_not_resolve(snapshot: Snapshot) -> Iterator[Finding]:
    """Pods cannot look up names."""
    failing: dict[str, str] = {}
    for pod in snapshot.pods:
        log = snapshot.log(pod)
        lines = log[-NEWEST:] if pod.is_ready else log
        said = [line for line in lines if NAME_FAILS.search(line)]
        if said:
            failing[pod.ref] = said[-1]
    if not failing:
        return
    ref, line = next(iter(failing.items()))
    found = LOOKED_UP.search(line)
    name = next((one for one in found.groups() if one), "a name") if found else "a name"
    blocking = _blocks_dns(snapshot)
    yield Finding(
        "dns-failing",
        f"NetworkPolicy/{blocking}" if blocking else "Deployment/coredns",
        f"pods cannot look up {name}",
        found=f"{ref}: {line.strip()}" + (f"; and {len(failing) - 1} more pods" if len(failing) > 1 else ""),
        why=f"network policy {blocking} allows no packet to port 53, where names are looked up"
        if blocking
        else "the cluster's DNS does not answer, or knows no such name",
        do=remedies.apply(_allow_dns(snapshot.namespace))
        if blocking
        else "kubectl -n kube-system rollout restart deployment/coredns",
        stops=("dns", *failing),
    )


def _said(snapshot: Snapshot, pattern: re.Pattern[str]) -> Iterator[tuple[Pod, re.Match[str]]]:
    """The newest line of each pod that is not well and says such a thing."""
    for pod in snapshot.pods:
        log = snapshot.log(pod)
        well = pod.is_ready
        found = [match for line in (log[-NEWEST:] if well else log) if (match := pattern.search(line))]
        if found:
            yield pod, found[-1]


def _passwords(snapshot: Snapshot) -> Iterator[tuple[Pod, str, str]]:
    """Pods that read the store's password from a Secret; its name, its key."""
    for pod in snapshot.pods:
        if found := _password(pod):
            yield pod, *found


def _password(pod: Pod) -> tuple[str, str] | None:
    """Secret and key that a pod reads the store's password from."""
    volumes = {one["name"]: one.get("secret", {}).get("secretName", "") for one in pod.spec.get("volumes") or ()}
    for container in pod.containers:
        folder, _, key = container.variable("LAB_REDIS_PASSWORD_FILE").rpartition("/")
        for mount in _mounts(container):
            if folder and mount[0] == folder and volumes.get(mount[1]):
                return volumes[mount[1]], key
    return None


def _mounts(container: Container) -> Iterator[tuple[str, str]]:
    return ((one["mountPath"].rstrip("/"), one["name"]) for one in container.spec.get("volumeMounts") or ())


def _configure(address: str, *settings: str) -> str:
    host, _, port = address.rpartition(":")
    client = f"redis-cli -h {host} -p {port}"
    return " && ".join([*(f"{client} config set {one}" for one in settings), f"{client} config rewrite"])


def _blocks_dns(snapshot: Snapshot) -> str:
    """A network policy that governs what pods send, while none lets them ask for names; empty where there is none."""
    policies = [Thing(one) for one in snapshot.objects.network_policies]
    governing = [one for one in policies if "Egress" in (one.spec.get("policyTypes") or ())]
    rules = [rule for one in governing for rule in one.spec.get("egress") or ()]
    allowed = any(not rule.get("ports") or any(port.get("port") == 53 for port in rule["ports"]) for rule in rules)
    return governing[0].name if governing and not allowed else ""


def _allow_dns(namespace: str) -> dict[str, object]:
    ports = [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "allow-dns", "namespace": namespace},
        "spec": {"podSelector": {}, "policyTypes": ["Egress"], "egress": [{"ports": ports}]},
    }
