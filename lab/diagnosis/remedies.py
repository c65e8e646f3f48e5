"""Commands that can be pasted: one line each, quoted, nothing to fill in."""

import json
import shlex
from collections.abc import Mapping
from typing import Final, Literal

from lab.snapshots.kubernetes import Node, Pod
from lab.snapshots.probes import StoreProbe

SET_CLOCK: Final = "sudo chronyc makestep || sudo systemctl restart systemd-timesyncd"


def kubectl(namespace: str, *words: str) -> str:
    """A call of kubectl in a namespace.

    >>> kubectl("testbed", "get", "pods", "-l", "a in (b)")
    "kubectl -n testbed get pods -l 'a in (b)'"
    """
    return shlex.join(["kubectl", "-n", namespace, *words])


def up(namespace: str) -> str:
    """Apply what the configuration says, also over what somebody else changed.

    >>> up("testbed")
    'lab up --target kubernetes --namespace testbed --force'
    """
    return shlex.join(["lab", "up", "--target", "kubernetes", "--namespace", namespace, "--force"])


def resolve(namespace: str) -> str:
    """Pin what is in the registry, and apply it."""
    return f"lab images resolve && {up(namespace)}"


def build(namespace: str) -> str:
    """Build and push the images, and apply them."""
    return f"lab images build && {up(namespace)}"


def grant(namespace: str, user: str) -> str:
    """Give somebody every right that diagnosing misses, and none that only faults need; for an administrator.

    >>> grant("testbed", "jane doe")
    "lab rbac print --no-faults --namespace testbed --user 'jane doe' | kubectl apply -f -"
    """
    words = ["lab", "rbac", "print", "--no-faults", "--namespace", namespace, *(["--user", user] if user else [])]
    return f"{shlex.join(words)} | kubectl apply -f -"


def patch(namespace: str, target: str, change: object, *, kind: Literal["strategic", "merge", "json"]) -> str:
    """Change an object, kind/name, by a patch."""
    text = json.dumps(change, separators=(",", ":"))
    return kubectl(namespace, "patch", target.lower(), f"--type={kind}", "-p", text)


def set_image(namespace: str, workload: str, container: str, image: str) -> str:
    """Have a container of a workload run another image."""
    return kubectl(namespace, "set", "image", workload.lower(), f"{container}={image}")


def restart(namespace: str, workload: str) -> str:
    """Make new pods of a workload; a pod that nothing made is only deleted."""
    words = ("delete", workload.lower()) if workload.startswith("Pod/") else ("rollout", "restart", workload.lower())
    return kubectl(namespace, *words)


def apply(thing: Mapping[str, object]) -> str:
    """Create or change an object that is written out whole."""
    return f"echo {shlex.quote(json.dumps(thing, separators=(',', ':')))} | kubectl apply -f -"


def in_template(pod: Pod, path: str) -> str:
    """Where a part of a pod's spec is in what made the pod, for a JSON patch."""
    return f"/spec/{path}" if pod.workload == pod.ref else f"/spec/template/spec/{path}"


def on(machine: Node | str, command: str) -> str:
    """Run a command on a machine; what ssh would take for an option is shown and not run.

    >>> on("r3", "sudo systemctl restart kubelet")
    "ssh r3 'sudo systemctl restart kubelet'"
    >>> on("-oProxyCommand=id", "sync")
    "echo 'no machine can be called -oProxyCommand=id; there: sync'"
    """
    name = machine if isinstance(machine, str) else machine.name
    if name.startswith("-"):
        return shlex.join(["echo", f"no machine can be called {name}; there: {command}"])
    return shlex.join(["ssh", name, command])


def write_file(machine: Node, path: str, lines: tuple[str, ...], *, then: str = "") -> str:
    """Put a file onto a node."""
    text = " ".join(shlex.quote(line) for line in lines)
    save = f"sudo mkdir -p {shlex.quote(path.rpartition('/')[0])} && sudo tee {shlex.quote(path)} >/dev/null"
    return f"printf '%s\\n' {text} | {on(machine, f'{save} && {then}' if then else save)}"


def redis_cli(probe: StoreProbe) -> str:
    """`redis-cli` as this store has to be called; it fails where the store answers with an error.

    >>> redis_cli(StoreProbe("h:6379", reachable=True))
    'redis-cli -e -h h -p 6379'
    """
    host, _, port = probe.address.rpartition(":")
    words = ["redis-cli", "-e", "-h", host, "-p", port]
    if probe.tls:
        words += ["--tls", *(["--cacert", probe.ca_file] if probe.ca_file else [])]
    words += ["--user", probe.user] if probe.user else []
    file = probe.password_file
    return (f'REDISCLI_AUTH="$(cat {shlex.quote(file)})" ' if file else "") + shlex.join(words)


def write_or_edit_file(machine: Node, path: str, lines: tuple[str, ...], *, then: str) -> str:
    """Put a file onto a node that has none of that name; one that is there is opened, as others wrote into it."""
    there = on(machine, f"sudo test -e {path}")
    edit = shlex.join(["ssh", "-t", machine.name, f'sudo "${{EDITOR:-vi}}" {path} && {then}'])
    return f"if {there}; then {edit}; else {write_file(machine, path, lines, then=then)}; fi"


def show_certificate(host: str, port: int) -> str:
    """Who signed the certificate that a server shows, for which names, and until when."""
    connect = shlex.join(["openssl", "s_client", "-connect", f"{host}:{port}", "-servername", host])
    return f"{connect} </dev/null | openssl x509 -noout -subject -issuer -enddate -ext subjectAltName"


def ask_into(file: str, what: str) -> str:
    """Let a person type a secret into a file that nobody else may read; *file* as a shell takes it."""
    return f'read -rsp {shlex.quote(f"{what}: ")} WORD && (umask 077 && printf %s "$WORD" > {file})'
