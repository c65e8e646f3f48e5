"""Redis: unreachable, not asked, evicting, not durable."""

import re
import shlex
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from lab.diagnosis import remedies
from lab.diagnosis.finding import Cure, Finding
from lab.diagnosis.rules.evidence.logs import newest_matches
from lab.diagnosis.rules.servers.reaching import UNTRUSTED, is_inside, look_into, pods_of
from lab.settings import LOOPBACK
from lab.snapshots.answers import StoreProbe
from lab.snapshots.snapshot import Snapshot
from services.contracts.store_users import ADMINISTRATOR

UNREACHABLE: Final = re.compile(
    r"(?i)redis (?P<address>\S+:\d+): .*(?:refused|timed? ?out|timeout|unreachable|no route)"
)
EVICTS: Final = re.compile(r"maxmemory-policy (?P<policy>\S+) can delete events")
SERVICE: Final = "redis"
PORT: Final = 6379
FILE_IN_POD: Final = "/etc/lab/store/password"
"""Where the store's own pod has the password of its administrator."""
NOT_ASKED: Final = "the lab itself did not ask it"


def redis_is_unreachable(snapshot: Snapshot) -> Iterator[Finding]:
    """The store does not answer at its address."""
    probe = snapshot.probes.store
    failing = {pod.ref: match for pod, match in newest_matches(snapshot, UNREACHABLE)}
    if probe is not None and probe.reachable is False:
        address, evidence = probe.address, probe.error or "the lab does not reach it"
    elif failing:
        ref, match = next(iter(failing.items()))
        address = match["address"]
        reached = probe is not None and probe.reachable and probe.address == address
        evidence = f"{ref} logged: {match[0]}; {'the lab itself reaches it' if reached else NOT_ASKED}"
    else:
        return
    why, do = _cure_of_silence(snapshot, address)
    inside = is_inside(snapshot, SERVICE, host_of(address))
    yield Finding(
        cause="redis-unreachable",
        object=f"Redis/{address}",
        title=f"Redis {address} does not answer",
        found=evidence,
        why=why,
        do=do,
        stops=("store", *failing),
        rests_on=("dns", *(pods_of(snapshot, SERVICE) if inside else ())),
    )


def redis_is_not_asked(snapshot: Snapshot) -> Iterator[Finding]:
    """The lab cannot ask the store, which is neither unreachable nor refuses the password."""
    probe = snapshot.probes.store
    if probe is None or not probe.error or probe.reachable is False or probe.authenticated is False:
        return
    if probe.reachable is None:
        why, do = "a setting of the lab cannot be used; the store itself was not asked", "lab config show"
    elif probe.authenticated is None and UNTRUSTED.search(probe.error):
        why = "LAB_REDIS_CA_FILE must name the CA that signed its certificate, which must be for this host name"
        do = remedies.show_certificate(host_of(probe.address), int(probe.address.rpartition(":")[2]))
    else:
        why, do = "it answers, but not as a healthy store does", f"{remedies.redis_cli(probe)} ping"
    yield Finding(
        cause="redis-not-asked",
        object=f"Redis/{probe.address}",
        title=f"the lab cannot ask Redis {probe.address} whether it can hold the ledger",
        found=probe.error,
        why=why,
        do=do,
        stops=("store",) if probe.reachable else (),
    )


def redis_evicts(snapshot: Snapshot) -> Iterator[Finding]:
    """Redis may delete events when its memory is full."""
    probe = snapshot.probes.store
    pod, reported = next(((pod, match["policy"]) for pod, match in newest_matches(snapshot, EVICTS)), (None, ""))
    probed = probe.policy if probe is not None else ""
    policy = probed or reported or "noeviction"
    if policy == "noeviction":
        return
    address = store_address(snapshot)
    source = f", according to {pod.ref}; {NOT_ASKED}" if pod and not probed else ""
    show = remedies.kubectl(snapshot.namespace, "set", "env", pod.workload.lower(), "--list") if pod else ""
    yield Finding(
        cause="redis-evicts",
        object=f"Redis/{address or 'of the stack'}",
        title=f"Redis {address or 'of the stack'} may delete events",
        found=f"maxmemory-policy is {policy}{source}",
        why="a store that evicts keys loses acknowledged events silently; the services refuse to start on it",
        do=_configure(snapshot, address, "maxmemory-policy noeviction") if address else show,
        stops=("store",),
    )


def redis_is_not_durable(snapshot: Snapshot) -> Iterator[Finding]:
    """Acknowledged events may be lost by a crash of the store."""
    probe = snapshot.probes.store
    if probe is not None and probe.durability in {"window", "volatile"}:
        lost = "the last second is lost" if probe.durability == "window" else "everything is lost"
        yield Finding(
            cause="redis-not-durable",
            object=f"Redis/{probe.address}",
            title=f"Redis {probe.address} may lose acknowledged events",
            found=f"durability class {probe.durability}: {lost} when it crashes",
            why="only an append-only file that is synced after every write survives; a run on this store is INVALID",
            do=_configure(snapshot, probe.address, "appendonly yes", "appendfsync always"),
        )


def store_address(snapshot: Snapshot) -> str:
    """Return host:port of the store that was probed, else of the one in the pods' settings; empty without either."""
    if snapshot.probes.store is not None:
        return snapshot.probes.store.address
    literal = (container.variable("LAB_REDIS_URL") for pod in snapshot.pods for container in pod.containers)
    shared = ((config_map.get("data") or {}).get("LAB_REDIS_URL", "") for config_map in snapshot.objects.config_maps)
    parts = urlsplit(next((url for url in (*literal, *shared) if url), ""))
    return f"{parts.hostname}:{parts.port or PORT}" if parts.hostname else ""


def host_of(address: str) -> str:
    """Return the host of host:port."""
    return address.rpartition(":")[0]


def _cure_of_silence(snapshot: Snapshot, address: str) -> Cure:
    """Return why the store does not answer, judged by who reaches it, and what to do there."""
    probe, host = snapshot.probes.store, host_of(address)
    if is_inside(snapshot, SERVICE, host):
        why = "the store inside the cluster does not run, or a network policy blocks the pods' way to it"
        return Cure(why, look_into(snapshot, SERVICE))
    if snapshot.program(SERVICE) is not None:
        return Cure("the stack's own store runs, and does not answer", "lab down && lab up")
    if probe is not None and probe.reachable and probe.address != address:
        why = f"the lab's settings name another store, {probe.address}, which the lab reaches"
        return Cure(why, remedies.up(snapshot.namespace))
    if probe is not None and probe.reachable:
        client = remedies.redis_cli(probe)
        bind = f"{client} config set bind {shlex.quote(f'{host} 127.0.0.1 -::1')} && {_rewrite(client)}"
        return Cure("it listens on its own machine only, or a firewall blocks the pods", bind)
    if probe is None and host in LOOPBACK:
        return Cure("inside a pod this address is the pod itself, which runs no store", remedies.up(snapshot.namespace))
    start = remedies.on(host, "sudo systemctl restart redis-server || sudo docker start redis")
    return Cure("it does not run, or runs elsewhere; without it no event is accepted", start)


def _configure(snapshot: Snapshot, address: str, *settings: str) -> str:
    """Return the command that changes a running store, and its file. A store inside the cluster has no file."""
    probe = snapshot.probes.store
    if probe is None and is_inside(snapshot, SERVICE, host_of(address)):
        client = f'REDISCLI_AUTH="$(cat {FILE_IN_POD})" redis-cli -e --user {ADMINISTRATOR}'
        script = " && ".join(f"{client} config set {setting}" for setting in settings)
        return remedies.kubectl(snapshot.namespace, "exec", f"deployment/{SERVICE}", "--", "sh", "-c", script)
    client = remedies.redis_cli(probe or StoreProbe(address, reachable=None))
    return " && ".join([*(f"{client} config set {setting}" for setting in settings), _rewrite(client)])


def _rewrite(client: str) -> str:
    """Return the command that writes the changed settings into the store's file, where it has one."""
    return f"{{ {client} config rewrite || echo 'set until the store restarts: it keeps no configuration file'; }}"
