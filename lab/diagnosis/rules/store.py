"""Redis: unreachable, locked, evicting, not durable; names that cannot be looked up."""

import re
import shlex
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from lab.diagnosis import remedies
from lab.diagnosis.finding import Finding
from lab.diagnosis.rules.servers import UNTRUSTED, is_inside, look_into, pods_of
from lab.snapshots.kubernetes import Container, Pod, Thing
from lab.snapshots.probes import StoreProbe
from lab.snapshots.snapshot import Snapshot

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
NAMED_FILE: Final = '"${LAB_REDIS_PASSWORD_FILE:?names no file}"'
FILE_OF_PODS: Final = "/etc/lab/store/password"
SERVICE, PORT = "redis", 6379
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
NOT_ASKED: Final = "the lab did not ask it itself"
NEWEST: Final = 5
"""Lines at the end of a container's log: what is further up has passed."""


def redis_is_unreachable(snapshot: Snapshot) -> Iterator[Finding]:
    """Nobody answers at the store's address."""
    probe = snapshot.probes.store
    said = {pod.ref: found for pod, found in _said(snapshot, UNREACHABLE)}
    if probe is not None and probe.reachable is False:
        address, evidence = probe.address, probe.error or "the lab does not reach it"
    elif said:
        first = next(iter(said.values()))
        address = first["where"]
        reached = probe is not None and probe.reachable and probe.address == address
        evidence = f"{next(iter(said))} says: {first[0]}; {'the lab itself reaches it' if reached else NOT_ASKED}"
    else:
        return
    why, do = _cure_of_silence(snapshot, address)
    inside = is_inside(snapshot, SERVICE, _host(address))
    yield Finding(
        "redis-unreachable",
        f"Redis/{address}",
        f"nobody answers at Redis {address}",
        found=evidence,
        why=why,
        do=do,
        stops=("store", *said),
        rests_on=("dns", *(pods_of(snapshot, SERVICE) if inside else ())),
    )


def _cure_of_silence(snapshot: Snapshot, address: str) -> tuple[str, str]:
    """Why nobody answers, by who does reach it, and what helps there."""
    probe, host = snapshot.probes.store, _host(address)
    if is_inside(snapshot, SERVICE, host):
        why = "the store inside the cluster does not run, or a network policy keeps the pods away from it"
        return why, look_into(snapshot, SERVICE)
    if probe is not None and probe.reachable and probe.address != address:
        return f"the lab's own settings name {probe.address}, which it reaches", remedies.up(snapshot.namespace)
    if probe is not None and probe.reachable:
        client = remedies.redis_cli(probe)
        bind = f"{client} config set bind {shlex.quote(f'{host} 127.0.0.1 -::1')} && {_keep(client)}"
        return "it listens on its own machine only, or a firewall keeps the pods away", bind
    if probe is None and host in LOOPBACK:
        return "in a pod that address is the pod itself, which runs no store", remedies.up(snapshot.namespace)
    start = remedies.on(host, "sudo systemctl restart redis-server || sudo docker start redis")
    return "it does not run, or runs elsewhere; without it no event is accepted", start


def redis_is_not_asked(snapshot: Snapshot) -> Iterator[Finding]:
    """The lab cannot ask it, although nobody says that it is away, or wants another password."""
    probe = snapshot.probes.store
    if probe is None or not probe.error or probe.reachable is False or probe.authenticated is False:
        return
    if probe.reachable is None:
        why, do = "a setting of the lab names what cannot be used; the store itself was not asked", "lab config show"
    elif probe.authenticated is None and UNTRUSTED.search(probe.error):
        why = "LAB_REDIS_CA_FILE has to name the CA that signed its certificate, for the name it is asked by"
        do = remedies.show_certificate(_host(probe.address), int(probe.address.rpartition(":")[2]))
    else:
        why, do = "it answers, and not as a store that is well does", f"{remedies.redis_cli(probe)} ping"
    yield Finding(
        "redis-not-asked",
        f"Redis/{probe.address}",
        f"the lab cannot ask Redis {probe.address}; whether it can hold the ledger is not known",
        found=probe.error,
        why=why,
        do=do,
        stops=("store",) if probe.reachable else (),
    )


def redis_denies_login(snapshot: Snapshot) -> Iterator[Finding]:
    """The password is missing or wrong."""
    probe, said = snapshot.probes.store, list(_said(snapshot, DENIED))
    denied = probe is not None and probe.authenticated is False
    if not denied and not said:
        return
    pod, secret, key = next(_passwords(snapshot), (None, "lab-store", "password"))
    address = _address(snapshot) or "of the stack"
    inside = probe is None and is_inside(snapshot, SERVICE, _host(address))
    if inside:
        why = "the store reads its users when it starts; what it keeps goes with its pod"
        steps = (remedies.up(snapshot.namespace), remedies.restart(snapshot.namespace, f"Deployment/{SERVICE}"))
    else:
        why = _why_denied(probe, secret=secret, key=key)
        ask = (remedies.ask_into(_password_file(probe), "password of Redis"),) if denied else ()
        steps = (*ask, *_give_password(snapshot, pod, secret=secret, key=key))
    yield Finding(
        "redis-password",
        f"Redis/{address}",
        f"Redis {address} does not accept the password",
        found=probe.error if denied and probe is not None else f"{said[0][0].ref} says: {said[0][1].string.strip()}",
        why=why,
        do=" && ".join(steps),
        stops=("store", *(pod.ref for pod, _ in said)),
        rests_on=pods_of(snapshot, SERVICE) if inside else (),
    )


def _why_denied(probe: StoreProbe | None, *, secret: str, key: str) -> str:
    """Whose password is wrong, as far as anybody tried."""
    if probe is not None and probe.authenticated is False:
        return "the file that LAB_REDIS_PASSWORD_FILE names holds another password"
    right = probe is not None and probe.authenticated
    tried = "the lab's password is right" if right else "the lab did not try its own password"
    return f"{tried}; key {key} of secret {secret} holds another one than the store's"


def _give_password(snapshot: Snapshot, pod: Pod | None, *, secret: str, key: str) -> tuple[str, ...]:
    """Put the lab's password where pods read it."""
    if pod is None or snapshot.is_wanted(pod.workload):
        return (remedies.up(snapshot.namespace),)
    words = ("create", "secret", "generic", secret, "--dry-run=client", "-o", "yaml")
    create = remedies.kubectl(snapshot.namespace, *words)
    again = remedies.restart(snapshot.namespace, pod.workload)
    file = _password_file(snapshot.probes.store)
    return (f"{create} --from-file={shlex.quote(key)}={file} | kubectl apply -f -", again)


def redis_evicts(snapshot: Snapshot) -> Iterator[Finding]:
    """Redis may delete events when its memory is full."""
    probe = snapshot.probes.store
    said = next(((pod, found["policy"]) for pod, found in _said(snapshot, EVICTS)), None)
    policy = (probe.policy if probe is not None else "") or (said[1] if said else "noeviction")
    if policy == "noeviction":
        return
    address = _address(snapshot)
    by_word = f", by the word of {said[0].ref}; {NOT_ASKED}" if said and not (probe and probe.policy) else ""
    settings = ("maxmemory-policy noeviction",)
    unknown = remedies.kubectl(snapshot.namespace, "set", "env", said[0].workload.lower(), "--list") if said else ""
    yield Finding(
        "redis-evicts",
        f"Redis/{address or 'of the stack'}",
        f"Redis {address or 'of the stack'} may delete events",
        found=f"maxmemory-policy is {policy}{by_word}",
        why="a store that evicts loses acknowledged events without a word; services refuse to start on it",
        do=_configure(snapshot, address, *settings) if address else unknown,
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
            do=_configure(snapshot, probe.address, "appendonly yes", "appendfsync always"),
        )


def names_do_not_resolve(snapshot: Snapshot) -> Iterator[Finding]:
    """Pods cannot look up names."""
    failing: dict[str, str] = {}
    for pod in snapshot.pods:
        said = [line for line in _newest(snapshot, pod) if NAME_FAILS.search(line)]
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
    """The newest line of each pod that says such a thing at the end of its log."""
    for pod in snapshot.pods:
        found = [match for line in _newest(snapshot, pod) if (match := pattern.search(line))]
        if found:
            yield pod, found[-1]


def _newest(snapshot: Snapshot, pod: Pod) -> Iterator[str]:
    """The last lines of each container; of the one before only where none is well and the newest says nothing."""
    for container in pod.containers:
        mine = [one for one in snapshot.logs if (one.pod, one.container) == (pod.name, container.name)]
        newest = [one for one in mine if not one.previous] or ([] if container.is_ready else mine)
        for log in newest:
            yield from log.lines[-NEWEST:]


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


def _password_file(probe: StoreProbe | None) -> str:
    """Where the lab reads the store's password, as a shell takes it."""
    return shlex.quote(probe.password_file) if probe is not None and probe.password_file else NAMED_FILE


def _address(snapshot: Snapshot) -> str:
    """host:port of the store that was asked; where none was, of the one that pods are told; empty where none is."""
    if snapshot.probes.store is not None:
        return snapshot.probes.store.address
    literal = (one.variable("LAB_REDIS_URL") for pod in snapshot.pods for one in pod.containers)
    shared = ((one.get("data") or {}).get("LAB_REDIS_URL", "") for one in snapshot.objects.config_maps)
    parts = urlsplit(next((url for url in (*literal, *shared) if url), ""))
    return f"{parts.hostname}:{parts.port or PORT}" if parts.hostname else ""


def _host(address: str) -> str:
    return address.rpartition(":")[0]


def _configure(snapshot: Snapshot, address: str, *settings: str) -> str:
    """Settings that a store takes while it runs, and keeps in its file; inside the cluster it has none."""
    probe = snapshot.probes.store
    if probe is None and is_inside(snapshot, SERVICE, _host(address)):
        client = f'REDISCLI_AUTH="$(cat {FILE_OF_PODS})" redis-cli -e'
        script = " && ".join(f"{client} config set {one}" for one in settings)
        return remedies.kubectl(snapshot.namespace, "exec", f"deployment/{SERVICE}", "--", "sh", "-c", script)
    client = remedies.redis_cli(probe or StoreProbe(address, reachable=None))
    return " && ".join([*(f"{client} config set {one}" for one in settings), _keep(client)])


def _keep(client: str) -> str:
    """Write what was set into the store's file, where it has one."""
    return f"{{ {client} config rewrite || echo 'set until the store restarts: it keeps no configuration file'; }}"


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
