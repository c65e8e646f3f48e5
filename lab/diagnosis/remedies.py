"""Builds commands that can be pasted: one line each, quoted, with nothing to fill in."""

import json
import shlex
from collections.abc import Mapping
from typing import Final, Literal

from lab.settings import LOOPBACK
from lab.snapshots.answers import StoreProbe
from lab.snapshots.kubernetes import Node, Pod
from lab.snapshots.snapshot import Snapshot

SET_CLOCK: Final = "sudo chronyc makestep || sudo systemctl restart systemd-timesyncd"
SHOW_MEMORY: Final = "ps -eo rss,pid,user,args --sort=-rss | head -n 15"


def kubectl(namespace: str, *arguments: str) -> str:
    """Return a kubectl command for a namespace.

    >>> kubectl("testbed", "get", "pods", "-l", "a in (b)")
    "kubectl -n testbed get pods -l 'a in (b)'"
    """
    return shlex.join(["kubectl", "-n", namespace, *arguments])


def up(namespace: str) -> str:
    """Return the command that applies the configuration, also over fields that somebody else changed.

    Without a namespace it starts the stack of this machine.

    >>> up("testbed"), up("")
    ('lab up --target kubernetes --namespace testbed --force', 'lab up')
    """
    if not namespace:
        return "lab up"
    return shlex.join(["lab", "up", "--target", "kubernetes", "--namespace", namespace, "--force"])


def start_anew(snapshot: Snapshot, *unset: str) -> str:
    """Return the command that starts the stack of this machine anew, without some variables of the user's environment.

    >>> start_anew(Snapshot("", 0.0), "LAB_BIND")
    'unset LAB_BIND && lab up'
    """
    is_up = snapshot.machine is not None and snapshot.machine.stack_is_up
    steps = [f"unset {' '.join(unset)}"] if unset else []
    return " && ".join([*steps, *(["lab down"] if is_up else []), "lab up"])


def resolve(namespace: str) -> str:
    """Return the command that pins the images in the registry and applies them."""
    return f"lab images resolve && {up(namespace)}"


def build(namespace: str) -> str:
    """Return the command that builds, pushes and applies the images."""
    return f"lab images build && {up(namespace)}"


def grant(namespace: str, user: str) -> str:
    """Return an administrator's command that grants every right that a diagnosis needs, without those of faults.

    >>> grant("testbed", "jane doe")
    "lab rbac print --no-faults --namespace testbed --user 'jane doe' | kubectl apply -f -"
    """
    arguments = ["lab", "rbac", "print", "--no-faults", "--namespace", namespace, *(["--user", user] if user else [])]
    return f"{shlex.join(arguments)} | kubectl apply -f -"


def patch(namespace: str, target: str, change: object, *, kind: Literal["strategic", "merge", "json"]) -> str:
    """Return the command that patches an object, kind/name."""
    text = json.dumps(change, separators=(",", ":"))
    return kubectl(namespace, "patch", target.lower(), f"--type={kind}", "-p", text)


def set_image(namespace: str, workload: str, container: str, image: str) -> str:
    """Return the command that gives a container of a workload another image."""
    return kubectl(namespace, "set", "image", workload.lower(), f"{container}={image}")


def restart(namespace: str, workload: str) -> str:
    """Return the command that replaces the pods of a workload. A pod without a workload is only deleted."""
    if workload.startswith("Pod/"):
        return kubectl(namespace, "delete", workload.lower())
    return kubectl(namespace, "rollout", "restart", workload.lower())


def apply(manifest: Mapping[str, object]) -> str:
    """Return the command that creates or changes an object to match its whole manifest."""
    return f"echo {shlex.quote(json.dumps(manifest, separators=(',', ':')))} | kubectl apply -f -"


def in_template(pod: Pod, path: str) -> str:
    """Return the JSON pointer to a part of the pod's spec inside the object that created the pod."""
    return f"/spec/{path}" if pod.workload == pod.ref else f"/spec/template/spec/{path}"


def on(machine: Node | str, command: str, *, terminal: bool = False) -> str:
    """Return the ssh call that runs a command on a machine. A name that ssh would take for an option is only shown.

    Args:
        machine: The machine, or its name.
        command: A shell line.
        terminal: Whether the command needs a terminal, as an editor does.

    >>> on("r3", "sudo systemctl restart kubelet")
    "ssh r3 'sudo systemctl restart kubelet'"
    >>> on("-oProxyCommand=id", "sync")
    "echo 'no machine can be called -oProxyCommand=id; there: sync'"
    """
    name = machine if isinstance(machine, str) else machine.name
    if name in LOOPBACK:
        return command
    if name.startswith("-"):
        return shlex.join(["echo", f"no machine can be called {name}; there: {command}"])
    return shlex.join(["ssh", *(["-t"] if terminal else []), name, command])


def write_file(machine: Node, path: str, lines: tuple[str, ...], *, then: str = "") -> str:
    """Return the command that writes a file on a node."""
    text = " ".join(shlex.quote(line) for line in lines)
    save = f"sudo mkdir -p {shlex.quote(path.rpartition('/')[0])} && sudo tee {shlex.quote(path)} >/dev/null"
    return f"printf '%s\\n' {text} | {on(machine, f'{save} && {then}' if then else save)}"


def redis_cli(probe: StoreProbe) -> str:
    """Return the `redis-cli` call for this store. The call fails where the store answers with an error.

    >>> redis_cli(StoreProbe("h:6379", reachable=True))
    'redis-cli -e -h h -p 6379'
    """
    host, _, port = probe.address.rpartition(":")
    arguments = ["redis-cli", "-e", "-h", host, "-p", port]
    if probe.tls:
        arguments += ["--tls", *(["--cacert", probe.ca_file] if probe.ca_file else [])]
    arguments += ["--user", probe.user] if probe.user else []
    file = probe.password_file
    return (f'REDISCLI_AUTH="$(cat {shlex.quote(file)})" ' if file else "") + shlex.join(arguments)


def write_or_edit_file(machine: Node, path: str, lines: tuple[str, ...], *, then: str) -> str:
    """Return the command that writes a file on a node. A file that exists is opened instead, to keep what is in it."""
    exists = on(machine, f"sudo test -e {shlex.quote(path)}")
    edit = on(machine, f'sudo "${{EDITOR:-vi}}" {shlex.quote(path)} && {then}', terminal=True)
    return f"if {exists}; then {edit}; else {write_file(machine, path, lines, then=then)}; fi"


def show_certificate(host: str, port: int) -> str:
    """Return the command that shows who signed a server's certificate, for which names, and until when."""
    connect = shlex.join(["openssl", "s_client", "-connect", f"{host}:{port}", "-servername", host])
    return f"{connect} </dev/null | openssl x509 -noout -subject -issuer -enddate -ext subjectAltName"


def ask_into(file: str, prompt: str) -> str:
    """Return the command that asks for a secret and stores it in a file that only its owner may read.

    *file* is shell text: it may hold a variable, and is not quoted.
    """
    return f'read -rsp {shlex.quote(f"{prompt}: ")} WORD && (umask 077 && printf %s "$WORD" > {file})'
