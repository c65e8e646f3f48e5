"""Commands for a stack that stays up: its status, its logs, its pages, and taking it down."""

import json
import webbrowser
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict
from typing import Annotated, Final, Literal, TypeVar

import typer

from lab.cli.options import HERE, AsJson, NamespaceOption, TargetOption
from lab.errors import LabError, Unavailable, UsageFault
from lab.model import Bound, Endpoints, StoreView
from lab.settings import has_display, load_settings
from lab.systems.services import SYSTEM
from lab.targets.port import KeptStack
from lab.wiring import ledger_source, metric_source, run_store
from lab.wiring import target as open_target

FRESH_MS: Final = 2_000
"""A ledger that is older came from the cache: the store did not answer."""
T = TypeVar("T")
NOT_UP: Final = "no stack is up"


def status(target: TargetOption = HERE, *, namespace: NamespaceOption = "", as_json: AsJson = False) -> None:
    """Address and health of every part of the stack, and the ledger."""
    deployment = current(target, namespace)
    # Read before `store`: where only the services know their store, they are asked once for both.
    services = deployment.everybody()
    endpoints, store = deployment.within_reach, deployment.store
    view, no_view = _answer(lambda: _ledger(endpoints))
    settings = load_settings(namespace=namespace or None)
    _, no_metrics = _answer(lambda: metric_source(settings, endpoints).last_scrape_ns(SYSTEM.commit_job))
    redis_is_away = no_view or ("" if view and view.staleness_ms <= FRESH_MS else "does not answer query-api")
    ledger = {"error": no_view} if view is None else asdict(view.balance)
    if as_json:
        servers = {"redis": {"error": redis_is_away}, "prometheus": {"error": no_metrics}}
        shown = {"endpoints": asdict(endpoints), "store": asdict(store), "ledger": ledger, "servers": servers}
        print(json.dumps(shown | {"services": [asdict(service) for service in services]}, indent=2, default=str))
        return
    for service in services:
        where = f"{service.address:22s} {service.instance_id[:8]:9s} " if service.address else ""
        print(_line(service.healthy, service.name, f"{where}{service.detail}"))
    facts = " ".join(filter(None, (store.kind, store.version))) + f", {store.durability}"
    print(_line(not redis_is_away, "redis", f"{endpoints.redis_url}  {redis_is_away or facts}"))
    print(_line(not no_metrics, "prometheus", f"{endpoints.prometheus_url}  {no_metrics}"))
    print("  ledger  " + ", ".join(f"{name} {value:,}" if view else str(value) for name, value in ledger.items()))
    # Replicas report the same bounds, read a moment apart.
    if bounds := {(bound.name, bound.unit): bound for service in services for bound in service.bounds}:
        print("  bounds  " + ", ".join(map(_bound, bounds.values())))


def down(target: TargetOption = HERE, *, namespace: NamespaceOption = "") -> None:
    """Take the stack down, with its data."""

    def report(stage: str, message: str, _seconds: float) -> None:
        print(f"  {stage:13s} {message}")

    was_up = open_target(target, load_settings(namespace=namespace or None)).down(report)
    print("  stack         down, nothing is left running" if was_up else f"  stack         {NOT_UP}")


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
    programs = deployment.programs()
    names = [service] if service in programs else [name for name in programs if name.startswith(f"{service}-")]
    if not names:
        raise UsageFault(f'no program "{service}" in this stack', found=f"it has: {', '.join(programs)}")
    if follow:
        for line in deployment.follow(names, lines):
            print(_followed(line, names), flush=True)
        return
    for name in names:
        print(f"  {name}\n" if len(names) > 1 else "", end="")
        for line in deployment.last_lines(name, lines):
            print(_readable(line))


def open_(
    what: Annotated[Literal["prometheus", "report"], typer.Argument(help="prometheus, or the report of the last run.")],
    target: TargetOption = HERE,
    *,
    namespace: NamespaceOption = "",
) -> None:
    """Open a page in the browser, or say where it is."""
    if what == "prometheus":
        deployment = current(target, namespace)
        if command := deployment.metrics_command:
            print(f"  run    {command}\n  open   http://127.0.0.1:{command.rpartition(' ')[2]}")
            return
        url = deployment.within_reach.prometheus_url
    else:
        url = (run_store(load_settings()).open("last").path / "report.html").as_uri()
    print(url)
    if has_display():
        webbrowser.open(url)


def current(target: str, namespace: str) -> KeptStack:
    """Return the stack that is up.

    Raises:
        Unavailable: No stack is up; the next step is the command that brings one up there.
    """
    opened = open_target(target, load_settings(namespace=namespace or None))
    deployment = opened.current()
    if deployment is None:
        raise Unavailable(NOT_UP, next_step=" ".join(filter(None, ("lab up", opened.options))))
    return deployment


def _answer(ask: Callable[[], T]) -> tuple[T | None, str]:
    """Return an answer, or why there is none."""
    try:
        return ask(), ""
    except LabError as error:
        return None, " ".join(str(error).splitlines()[:2])


def _line(is_well: bool, name: str, words: str) -> str:  # noqa: FBT001  its sign comes first, too
    return f"  {'✓' if is_well else '✗'} {name:15s} {words}".rstrip()


def _bound(bound: Bound) -> str:
    """Return a bound in words.

    >>> _bound(Bound("backlog", 1_200, 1_000_000, "events")), _bound(Bound("store memory", 3_000_000, 0, "bytes"))
    ('backlog 1,200 of 1,000,000 events', 'store memory 3.0 MB without a limit')
    """
    used, limit, unit = f"{bound.used:,}", f"{bound.limit:,}", bound.unit
    if unit == "bytes":
        used, limit, unit = f"{bound.used / 1e6:,.1f}", f"{bound.limit / 1e6:,.0f}", "MB"
    return f"{bound.name} {used} of {limit} {unit}" if bound.limit else f"{bound.name} {used} {unit} without a limit"


def _ledger(endpoints: Endpoints) -> StoreView:
    if not endpoints.query:
        raise Unavailable("query-api cannot be reached")
    with closing(ledger_source(endpoints)) as ledger:
        return ledger.view("")


def _followed(line: str, names: Sequence[str]) -> str:
    """Return a line as `_readable` does; of several pods, the pod's name comes first."""
    name, _, text = line.partition("  ")
    return f"{name}  {_readable(text)}" if len(names) > 1 and name in names else _readable(line)


def _readable(line: str) -> str:
    """Return a JSON log line as time, level, message; any other line as it is."""
    try:
        record = json.loads(line)
        rest = {name: value for name, value in record.items() if name in {"trace_id", "error", "exception"}}
        more = "  " + json.dumps(rest) if rest else ""
        return f"{record['time'][11:23]}  {record['level']:7s} {record['message']}{more}"
    except (ValueError, KeyError, TypeError):
        return line
