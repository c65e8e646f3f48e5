"""Stands in for kubectl on a cluster that is a folder: `kubectl_program.py FOLDER [options of kubectl] COMMAND …`.

The file `done` of the folder has a line for everything that was done. Its file `faults` names in each line what fails
and the last line that kubectl then prints, with a tabulator between. The program uses the standard library alone.
"""

import select
import socket
import sys
from pathlib import Path

GLOBAL = ("--namespace", "--context", "--kubeconfig")
PROCESS_ID = 4711


def main(arguments: list[str]) -> int:
    """Carry out a command."""
    folder, words = Path(arguments[0]), arguments[1:]
    while words[0] in GLOBAL:
        del words[:2]
    return {"port-forward": forward, "exec": signal, "patch": patch}[words[0]](folder, words[1:])


def forward(folder: Path, words: list[str]) -> int:
    """`port-forward --address HOST RESOURCE LOCAL:PORT` accepts connections at the local port, without end."""
    _, host, resource, ports = words
    if fails(folder, resource):
        return 1
    local, _, port = ports.partition(":")
    with socket.create_server((host, int(local))) as server:
        print(f"Forwarding from {host}:{local} -> {port}", flush=True)
        while True:
            server.accept()[0].close()


def signal(folder: Path, words: list[str]) -> int:
    """`exec --stdin POD --container=NAME -- python3 -I -S -c TEXT MODULE SECONDS` acts as `in_the_pod` does."""
    pod, module, seconds = words[1], words[-2], float(words[-1])
    if fails(folder, pod):
        return 1
    record(folder, f"{'stop' if seconds else 'kill'} {module} in {pod}")
    print(PROCESS_ID, flush=True)
    if seconds:
        select.select([sys.stdin], [], [], seconds)
        record(folder, f"continue {module} in {pod}")
    return 0


def patch(folder: Path, words: list[str]) -> int:
    """`patch deployment NAME … --patch=JSON` records the change."""
    name, change = words[1], words[-1].removeprefix("--patch=")
    if fails(folder, f"{name} {change}"):
        return 1
    record(folder, f"patch {name} {change}")
    return 0


def record(folder: Path, line: str) -> None:
    """Add a line to what was done."""
    with (folder / "done").open("a") as file:
        file.write(f"{line}\n")


def fails(folder: Path, what: str) -> bool:
    """Print the last line of a request that fails, and return whether it does."""
    faults = folder / "faults"
    for line in faults.read_text().splitlines() if faults.exists() else ():
        name, _, text = line.partition("\t")
        if what.startswith(name):
            print(text, file=sys.stderr)
            return True
    return False


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
