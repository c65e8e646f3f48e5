"""The command `lab status`: what every part of a stack answers."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import Final, TypeVar

from lab.cli.answers import print_answer
from lab.cli.options import HERE, AsJson, NamespaceOption, TargetOption
from lab.cli.stack import current
from lab.errors import LabError, Unavailable
from lab.model import Bound, Endpoints, ServiceStatus, StoreFacts, StoreView
from lab.settings import LabSettings, load_settings
from lab.systems.services import SYSTEM
from lab.targets.port import KeptStack
from lab.wiring import ledger_source, metric_source

JUST_READ_MS: Final = 2_000
"""A ledger that is older came from the cache: the store did not answer."""
STALE: Final = "does not answer query-api"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class StackStatus:
    """What the parts of a stack answered.

    Attributes:
        endpoints: Addresses of the parts.
        store: The store.
        services: Every service, and every part that does not run.
        ledger: The account of all events; None where it could not be read.
        ledger_error: Why the ledger could not be read; empty where it was read.
        metrics_error: Why the metrics server does not answer; empty where it answers.
    """

    endpoints: Endpoints
    store: StoreFacts
    services: Sequence[ServiceStatus]
    ledger: StoreView | None = None
    ledger_error: str = ""
    metrics_error: str = ""

    @property
    def store_error(self) -> str:
        """Why the store is not known to answer; empty where query-api has just read it."""
        if self.ledger is None:
            return self.ledger_error
        return "" if self.ledger.staleness_ms <= JUST_READ_MS else STALE


def status(target: TargetOption = HERE, *, namespace: NamespaceOption = "", as_json: AsJson = False) -> None:
    """Address and health of every part of the stack, and the ledger."""
    stack = status_of(current(target, namespace), load_settings(namespace=namespace or None))
    print_answer(lines_of(stack), document_of(stack), as_json=as_json)


def status_of(deployment: KeptStack, settings: LabSettings) -> StackStatus:
    """Ask every part of a stack; a part that does not answer is a fact of the status.

    Raises:
        LabError: The stack itself does not tell what its parts are.
    """
    # Read before `store`: where only the services know their store, they are asked once for both.
    services = deployment.everybody()
    endpoints, store = deployment.within_reach, deployment.store
    ledger, ledger_error = _answer(lambda: _ledger(endpoints))
    _, metrics_error = _answer(lambda: metric_source(settings, endpoints).last_scrape_ns(SYSTEM.commit_job))
    return StackStatus(endpoints, store, services, ledger, ledger_error=ledger_error, metrics_error=metrics_error)


def lines_of(stack: StackStatus) -> Iterator[str]:
    """Yield a line for every service, the store, the metrics server and the ledger, and one for the bounds, if any."""
    for service in stack.services:
        where = f"{service.address:22s} {service.instance_id[:8]:9s} " if service.address else ""
        yield _line(service.healthy, service.name, f"{where}{service.detail}")
    endpoints, store = stack.endpoints, stack.store
    facts = " ".join(filter(None, (store.kind, store.version))) + f", {store.durability}"
    yield _line(not stack.store_error, "redis", f"{endpoints.redis_url}  {stack.store_error or facts}")
    yield _line(not stack.metrics_error, "prometheus", f"{endpoints.prometheus_url}  {stack.metrics_error}")
    yield f"  ledger  {_account(stack)}"
    # Replicas report the same bounds, read a moment apart.
    if bounds := {(bound.name, bound.unit): bound for service in stack.services for bound in service.bounds}:
        yield "  bounds  " + ", ".join(map(_bound, bounds.values()))


def document_of(stack: StackStatus) -> dict[str, object]:
    """Return the status as `--json` prints it."""
    return {
        "endpoints": asdict(stack.endpoints),
        "store": asdict(stack.store),
        "ledger": {"error": stack.ledger_error} if stack.ledger is None else asdict(stack.ledger.balance),
        "servers": {"redis": {"error": stack.store_error}, "prometheus": {"error": stack.metrics_error}},
        "services": [asdict(service) for service in stack.services],
    }


def _answer(ask: Callable[[], T]) -> tuple[T | None, str]:
    """Return an answer, or why there is none."""
    try:
        return ask(), ""
    except LabError as error:
        return None, " ".join(str(error).splitlines()[:2])


def _ledger(endpoints: Endpoints) -> StoreView:
    if not endpoints.query:
        raise Unavailable("query-api cannot be reached")
    with closing(ledger_source(endpoints)) as ledger:
        return ledger.view("")


def _line(is_well: bool, name: str, words: str) -> str:  # noqa: FBT001  its sign comes first, too
    return f"  {'✓' if is_well else '✗'} {name:15s} {words}".rstrip()


def _account(stack: StackStatus) -> str:
    """Return the ledger in words, or why it could not be read."""
    if stack.ledger is None:
        return stack.ledger_error
    return ", ".join(f"{name} {events:,}" for name, events in asdict(stack.ledger.balance).items())


def _bound(bound: Bound) -> str:
    """Return a bound in words.

    >>> _bound(Bound("backlog", 1_200, 1_000_000, "events")), _bound(Bound("store memory", 3_000_000, 0, "bytes"))
    ('backlog 1,200 of 1,000,000 events', 'store memory 3.0 MB without a limit')
    """
    used, limit, unit = f"{bound.used:,}", f"{bound.limit:,}", bound.unit
    if unit == "bytes":
        used, limit, unit = f"{bound.used / 1e6:,.1f}", f"{bound.limit / 1e6:,.0f}", "MB"
    return f"{bound.name} {used} of {limit} {unit}" if bound.limit else f"{bound.name} {used} {unit} without a limit"
