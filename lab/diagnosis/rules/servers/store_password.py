"""A password that Redis does not accept."""

import re
import shlex
from collections.abc import Iterator
from typing import Final, NamedTuple

from lab.diagnosis import remedies
from lab.diagnosis.finding import Cure, Finding
from lab.diagnosis.rules.evidence.logs import newest_matches
from lab.diagnosis.rules.servers.reaching import is_inside, pods_of
from lab.diagnosis.rules.servers.store import SERVICE, host_of, store_address
from lab.snapshots.answers import StoreProbe
from lab.snapshots.kubernetes import Pod
from lab.snapshots.snapshot import Snapshot

DENIED: Final = re.compile(r"WRONGPASS|NOAUTH|refuses to log in|invalid username-password pair|Authentication required")
CONFIGURED_FILE: Final = '"${LAB_REDIS_PASSWORD_FILE:?names no file}"'


class Source(NamedTuple):
    """The Secret and its key from which a pod reads the store's password."""

    secret: str
    key: str


LAB_SOURCE: Final = Source("lab-store", "password")
"""From which the pods of a stack that the lab applies read it."""


def redis_denies_login(snapshot: Snapshot) -> Iterator[Finding]:
    """The password is missing or wrong."""
    probe, denials = snapshot.probes.store, list(newest_matches(snapshot, DENIED))
    lab_denied = probe is not None and probe.authenticated is False
    if not lab_denied and not denials:
        return
    address = store_address(snapshot) or "of the stack"
    inside = probe is None and is_inside(snapshot, SERVICE, host_of(address))
    why, do = _cure_inside(snapshot) if inside else _cure(snapshot, lab_denied=lab_denied)
    yield Finding(
        cause="redis-password",
        object=f"Redis/{address}",
        title=f"Redis {address} does not accept the password",
        found=probe.error
        if lab_denied and probe is not None
        else f"{denials[0][0].ref} logged: {denials[0][1].string.strip()}",
        why=why,
        do=do,
        stops=("store", *(pod.ref for pod, _ in denials)),
        rests_on=pods_of(snapshot, SERVICE) if inside else (),
    )


def _cure_inside(snapshot: Snapshot) -> Cure:
    restart = remedies.restart(snapshot.namespace, f"Deployment/{SERVICE}")
    why = "the store reads its users only when it starts; its data is lost with its pod"
    return Cure(why, f"{remedies.up(snapshot.namespace)} && {restart}")


def _cure(snapshot: Snapshot, *, lab_denied: bool) -> Cure:
    """Return whose password is wrong, as far as one was tried, and the command that puts the right one in place."""
    probe = snapshot.probes.store
    pod, source = next(_readers(snapshot), (None, LAB_SOURCE))
    spread = _give_password(snapshot, pod, source)
    if lab_denied:
        ask = remedies.ask_into(_password_file(probe), "password of Redis")
        return Cure("the file that LAB_REDIS_PASSWORD_FILE names holds another password", f"{ask} && {spread}")
    right = probe is not None and probe.authenticated
    tried = "the lab's password is right" if right else "the lab did not try its own password"
    return Cure(f"{tried}; key {source.key} of secret {source.secret} does not hold the store's password", spread)


def _give_password(snapshot: Snapshot, pod: Pod | None, source: Source) -> str:
    """Return the command that puts the lab's password where pods read it."""
    if pod is None or snapshot.is_wanted(pod.workload):
        return remedies.up(snapshot.namespace)
    create = remedies.kubectl(
        snapshot.namespace, "create", "secret", "generic", source.secret, "--dry-run=client", "-o", "yaml"
    )
    file = _password_file(snapshot.probes.store)
    restart = remedies.restart(snapshot.namespace, pod.workload)
    return f"{create} --from-file={shlex.quote(source.key)}={file} | kubectl apply -f - && {restart}"


def _password_file(probe: StoreProbe | None) -> str:
    """Return the file from which the lab reads the store's password, as shell text."""
    return shlex.quote(probe.password_file) if probe is not None and probe.password_file else CONFIGURED_FILE


def _readers(snapshot: Snapshot) -> Iterator[tuple[Pod, Source]]:
    """Yield the pods that read the store's password from a Secret."""
    for pod in snapshot.pods:
        if source := _source(pod):
            yield pod, source


def _source(pod: Pod) -> Source | None:
    secrets = {
        volume["name"]: volume.get("secret", {}).get("secretName", "") for volume in pod.spec.get("volumes") or ()
    }
    for container in pod.containers:
        folder, _, key = container.variable("LAB_REDIS_PASSWORD_FILE").rpartition("/")
        for mount in container.spec.get("volumeMounts") or ():
            if folder and mount["mountPath"].rstrip("/") == folder and secrets.get(mount["name"]):
                return Source(secrets[mount["name"]], key)
    return None
