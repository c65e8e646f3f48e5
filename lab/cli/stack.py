"""Commands for a stack that stays up: bring it up, look at it, take it down."""

import json
import sys
import webbrowser
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final, Literal, TypeVar

import typer

from lab.errors import LabError, Unavailable, UsageFault
from lab.model import Endpoints, StoreView
from lab.settings import LabSettings, has_display, load_settings
from lab.targets.port import KeptStack, Report, StackRequest

TargetOption = Annotated[str, typer.Option(help="Where services run.")]
NamespaceOption = Annotated[str, typer.Option(help="On a cluster: where the stack is.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
FRESH_MS: Final = 2_000
"""An account older than this was given from the cache: the store did not answer."""
T = TypeVar("T")
NOT_UP: Final = "no stack is up"
CHANGES: Final = ("create", "change", "write", "remove")

dead = typer.Typer(help="List or replay dead letters.", no_args_is_help=True)


def up(  # noqa: PLR0913  its options
    target: TargetOption = "processes",
    *,
    prometheus: Annotated[str, typer.Option(help="URL of a Prometheus that is running already.")] = "",
    redis: Annotated[str, typer.Option(help="URL of a Redis that is running already.")] = "",
    setting: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Setting of a service; may be repeated.")
    ] = None,
    namespace: Annotated[str, typer.Option(help="On a cluster: where everything goes.")] = "",
    render: Annotated[Path | None, typer.Option(help="On a cluster: write the objects here, apply nothing.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="On a cluster: show what would change, apply nothing.")
    ] = False,
    adopt: Annotated[bool, typer.Option("--adopt", help="On a cluster: use a namespace that is another's.")] = False,
    force: Annotated[bool, typer.Option("--force", help="On a cluster: take over fields that others own.")] = False,
) -> None:
    """Bring a stack up and leave it running."""
    from lab.display.rollout import RolloutProgress  # noqa: PLC0415 - heavy
    from lab.wiring import target as open_target  # noqa: PLC0415 - heavy

    chosen = {"prometheus_url": prometheus, "redis_url": redis, "namespace": namespace}
    flags = {"adopt": adopt or None, "force": force or None}
    settings = load_settings(**{name: value or None for name, value in chosen.items()}, **flags)
    show = RolloutProgress(sys.stdout)
    request = StackRequest(settings=_settings(setting or ()), keep=True, watch=show.rows)
    if (render is not None or dry_run) and target != "kubernetes":
        step = f"lab up --target kubernetes {'--dry-run' if dry_run else '--render out/'}"
        raise UsageFault("only a cluster has objects to show before they are applied", next_step=step)
    if render is not None:
        _write_objects(settings, request, render)
        return
    if dry_run:
        _show_intents(settings, request, show.stage)
        return
    with show, open_target(target, settings).deployed(request, show.stage):
        print(f"  next          {'     '.join(_next_commands(target, settings))}")


def status(target: TargetOption = "processes", *, namespace: NamespaceOption = "", as_json: AsJson = False) -> None:
    """Where everything is, how it is, and what the ledger says."""
    from lab.wiring import metric_source  # noqa: PLC0415 - heavy

    deployment = _current(target, namespace)
    # Where only the services know their store, asking them once is enough.
    services = deployment.everybody()
    endpoints, store = deployment.within_reach, deployment.store
    view, no_view = _asked(lambda: _ledger(endpoints))
    _, no_metrics = _asked(lambda: metric_source(endpoints).last_scrape_ns("lab/process-worker"))
    redis_is_away = no_view or ("" if view and view.staleness_ms <= FRESH_MS else "does not answer query-api")
    ledger = {"error": no_view} if view is None else asdict(view.balance)
    if as_json:
        servers = {"redis": {"error": redis_is_away}, "prometheus": {"error": no_metrics}}
        shown = {"endpoints": asdict(endpoints), "store": asdict(store), "ledger": ledger, "servers": servers}
        print(json.dumps(shown | {"services": [asdict(one) for one in services]}, indent=2, default=str))
        return
    for one in services:
        where = f"{one.address:22s} {one.instance_id[:8]:9s} " if one.address else ""
        print(_line(one.healthy, one.name, f"{where}{one.detail}"))
    facts = " ".join(filter(None, (store.kind, store.version))) + f", {store.durability}"
    print(_line(not redis_is_away, "redis", f"{endpoints.redis_url}  {redis_is_away or facts}"))
    print(_line(not no_metrics, "prometheus", f"{endpoints.prometheus_url}  {no_metrics}"))
    print("  ledger  " + ", ".join(f"{name} {value:,}" if view else str(value) for name, value in ledger.items()))


def down(target: TargetOption = "processes", *, namespace: NamespaceOption = "") -> None:
    """Take the stack down, with its data."""
    from lab.wiring import target as open_target  # noqa: PLC0415 - heavy

    def told(what: str, happened: str, _seconds: float) -> None:
        print(f"  {what:13s} {happened}")

    was_up = open_target(target, load_settings(namespace=namespace or None)).down(told)
    print("  stack         down, nothing is left running" if was_up else f"  stack         {NOT_UP}")


def logs(
    service: Annotated[str, typer.Argument(help="For example process-worker, redis, prometheus.")],
    *,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on until Ctrl-C.")] = False,
    lines: Annotated[int, typer.Option("-n", min=1, help="How many of the last lines.")] = 40,
    target: TargetOption = "processes",
    namespace: NamespaceOption = "",
) -> None:
    """What a program of the stack wrote; on a cluster a pod, or every pod of a service."""
    deployment = _current(target, namespace)
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
    target: TargetOption = "processes",
    *,
    namespace: NamespaceOption = "",
) -> None:
    """Open a page in the browser, or say where it is."""
    from lab.wiring import run_store  # noqa: PLC0415 - heavy

    if what == "prometheus":
        deployment = _current(target, namespace)
        if command := deployment.metrics_command:
            print(f"  run    {command}\n  open   http://127.0.0.1:{command.rpartition(' ')[2]}")
            return
        url = deployment.within_reach.prometheus_url
    else:
        url = (run_store(load_settings()).open("last").path / "report.html").as_uri()
    print(url)
    if has_display():
        webbrowser.open(url)


@dead.command("list")
def list_dead(target: TargetOption = "processes", *, namespace: NamespaceOption = "", as_json: AsJson = False) -> None:
    """Events that were set aside, with the reason."""
    from lab.wiring import dead_letters  # noqa: PLC0415 - heavy

    letters = dead_letters(_current(target, namespace).endpoints).list()
    if as_json:
        print(json.dumps([letter._asdict() for letter in letters], indent=2))
        return
    for letter in letters:
        print(f"  {letter.letter_id:20s} {letter.run:40s} {letter.events:6,} events  {letter.reason}")
    step = f"; next: lab dead replay{_options_of(target, load_settings(namespace=namespace or None))}"
    print(f"  {len(letters):,} dead letters" + (step if letters else ""))


@dead.command()
def replay(
    ids: Annotated[list[str] | None, typer.Argument(help="Ids to replay; none means all.")] = None,
    target: TargetOption = "processes",
    *,
    namespace: NamespaceOption = "",
) -> None:
    """Put dead letters back into the stream."""
    from lab.wiring import dead_letters  # noqa: PLC0415 - heavy

    events = dead_letters(_current(target, namespace).endpoints).replay(ids or ())
    print(f"  {events:,} events are back in the stream")


def _show_intents(settings: LabSettings, request: StackRequest, report: Report) -> None:
    """A line for every object, below one that would change how, and their number at the end."""
    from lab.wiring import preview  # noqa: PLC0415 - heavy

    intents = preview(settings, request, report)
    for one in intents:
        print(f"  {one.change:13s} {one.kind} {one.name}")
        print("".join(f"    {line}\n" for line in one.diff.splitlines()), end="")
    counted = Counter(one.change for one in intents)
    numbers = [f"{counted[change]} to {change}" for change in CHANGES if counted[change]]
    numbers += [f"{counted['unchanged']} unchanged"] if counted["unchanged"] else []
    print(f"  {'dry run':13s} {len(intents)} objects: {', '.join(numbers)}; nothing was applied")


def _write_objects(settings: LabSettings, request: StackRequest, folder: Path) -> None:
    from lab.wiring import write_objects  # noqa: PLC0415 - heavy

    for path in write_objects(settings, request, folder):
        print(f"  {path}")


def _asked(ask: Callable[[], T]) -> tuple[T | None, str]:
    """What somebody says, or why they do not."""
    try:
        return ask(), ""
    except LabError as error:
        return None, " ".join(str(error).splitlines()[:2])


def _line(well: bool, name: str, words: str) -> str:  # noqa: FBT001  its sign stands first, too
    return f"  {'✓' if well else '✗'} {name:15s} {words}".rstrip()


def _ledger(endpoints: Endpoints) -> StoreView:
    from lab.wiring import ledger_source  # noqa: PLC0415 - heavy

    if not endpoints.query:
        raise Unavailable("query-api cannot be reached")
    return ledger_source(endpoints).view("")


def _current(target: str, namespace: str) -> KeptStack:
    from lab.wiring import target as open_target  # noqa: PLC0415 - heavy

    settings = load_settings(namespace=namespace or None)
    deployment = open_target(target, settings).current()
    if deployment is None:
        raise Unavailable(NOT_UP, next_step=f"lab up{_options_of(target, settings)}")
    return deployment


def _options_of(target: str, settings: LabSettings) -> str:
    """What a command needs in order to find the same stack: nothing for the default ones."""
    if target == "processes":
        return ""
    return f" --target {target}" + (f" --namespace {settings.namespace}" if _is_elsewhere(settings) else "")


def _is_elsewhere(settings: LabSettings) -> bool:
    return bool(settings.namespace != LabSettings.model_fields["namespace"].default)


def _next_commands(target: str, settings: LabSettings) -> tuple[str, str, str]:
    options = _options_of(target, settings)
    run = "lab run notebooks/10_baseline.ipynb" + ("" if target == "processes" else f" -p target {target}")
    run = f"LAB_NAMESPACE={settings.namespace} {run}" if options and _is_elsewhere(settings) else run
    return f"lab status{options}", run, f"lab down{options}"


def _settings(pairs: list[str] | tuple[str, ...]) -> dict[str, str]:
    for pair in pairs:
        if "=" not in pair:
            raise UsageFault(f"--set {pair}: NAME=VALUE is needed", next_step="--set LAB_WORKER_COST_US=100")
    return dict(pair.split("=", 1) for pair in pairs)


def _followed(line: str, names: Sequence[str]) -> str:
    """As `_readable`; of several pods, a line stands behind the name of its own."""
    name, _, said = line.partition("  ")
    return f"{name}  {_readable(said)}" if len(names) > 1 and name in names else _readable(line)


def _readable(line: str) -> str:
    """A JSON log line as time, level, message; any other line as it is."""
    try:
        record = json.loads(line)
        rest = {name: value for name, value in record.items() if name in {"trace_id", "error", "exception"}}
        more = "  " + json.dumps(rest) if rest else ""
        return f"{record['time'][11:23]}  {record['level']:7s} {record['message']}{more}"
    except (ValueError, KeyError, TypeError):
        return line
