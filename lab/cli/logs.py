"""The command `lab logs`: the log lines of a program of a stack, made readable."""

import json
from collections.abc import Sequence
from typing import Annotated

import typer

from lab.cli.options import HERE, NamespaceOption, TargetOption
from lab.cli.stack import current
from lab.errors import UsageFault
from lab.targets.port import KeptStack


def logs(
    service: Annotated[str, typer.Argument(help="For example process-worker, redis, prometheus.")],
    *,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on until Ctrl-C.")] = False,
    lines: Annotated[int, typer.Option("-n", min=1, help="How many of the last lines.")] = 40,
    target: TargetOption = HERE,
    namespace: NamespaceOption = "",
) -> None:
    """The log of a program of the stack; on a cluster, of a pod or of every pod of a service."""
    deployment = current(target, namespace)
    names = _names(service, deployment.programs())
    if follow:
        for line in deployment.follow(names, lines):
            print(_followed(line, names), flush=True)
    else:
        _print_last(deployment, names, lines)


def _names(service: str, programs: Sequence[str]) -> list[str]:
    """Return the program of that name, else the pods of that service.

    >>> _names("redis", ["redis", "redis-exporter"]), _names("worker", ["worker-a", "worker-b", "redis"])
    (['redis'], ['worker-a', 'worker-b'])
    """
    names = [service] if service in programs else [name for name in programs if name.startswith(f"{service}-")]
    if not names:
        raise UsageFault(f'no program "{service}" in this stack', found=f"it has: {', '.join(programs)}")
    return names


def _print_last(deployment: KeptStack, names: Sequence[str], lines: int) -> None:
    """Print the last lines of each log; of several, each below its name."""
    for name in names:
        if len(names) > 1:
            print(f"  {name}")
        for line in deployment.last_lines(name, lines):
            print(_readable(line))


def _followed(line: str, names: Sequence[str]) -> str:
    """Return a line as `_readable` does; of several pods, the pod's name comes first."""
    name, _, text = line.partition("  ")
    return f"{name}  {_readable(text)}" if len(names) > 1 and name in names else _readable(line)


def _readable(line: str) -> str:
    """Return a JSON log line as time, level, message; any other line as it is.

    >>> _readable('{"time": "2026-11-25T02:00:00.123Z", "level": "error", "message": "refused", "error": "full"}')
    '02:00:00.123  error   refused  {"error": "full"}'
    >>> _readable("Killed"), _readable("null")
    ('Killed', 'null')
    """
    try:
        record = json.loads(line)
        if not isinstance(record, dict):
            return line
        rest = {name: value for name, value in record.items() if name in {"trace_id", "error", "exception"}}
        more = "  " + json.dumps(rest) if rest else ""
        return f"{record['time'][11:23]}  {record['level']:7s} {record['message']}{more}"
    except (ValueError, KeyError, TypeError):
        return line
