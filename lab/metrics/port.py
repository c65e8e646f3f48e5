"""The ports for reading a stack: metrics over a window, and the ledger."""

from collections.abc import Sequence
from typing import Protocol

from lab.errors import LabError
from lab.model import Aggregate, Series, StoreView, Window


class Evaluating(Protocol):
    """Evaluates PromQL, all of it or plain selectors alone.

    Every method raises Unavailable where the metrics cannot be read.
    """

    def over_time(self, promql: str, window: Window, *, step_s: float = 1.0) -> Sequence[Series]:
        """Evaluate a PromQL expression at the steps of a window that `lab.metrics.steps.steps_in` returns.

        Returns:
            One series per label set, named after the expression; empty where nothing matches. The name of a metric,
            if the answer has a name, is the label `__name__`.

        Raises:
            Unavailable: The source cannot evaluate this expression.
        """

    def fault_of_missing(self, name: str) -> LabError | None:
        """Return the error to raise for a metric that the source does not have; None where it has the metric."""


class MetricSource(Evaluating, Protocol):
    """Metrics as Prometheus stores them; never the ground truth for counts.

    Every method raises Unavailable where the metrics cannot be read.
    """

    def raw(self, name: str, window: Window) -> Sequence[Series]:
        """Return every stored sample of a metric within a window, one series per label set; empty without samples."""

    def last_scrape_ns(self, job: str) -> int:
        """Return the oldest of the newest scrapes of a service's running processes; 0 where none was ever scraped.

        Nanoseconds since the epoch. Every running process was scraped then or later. A process runs where its newest
        scrape succeeded. Where no process runs, the answer is that of the last moment at which any did.
        """

    def newest(self, name: str) -> dict[str, float]:
        """Return `instance` of every process with a metric → time of its newest sample, seconds since the epoch."""


class LedgerSource(Protocol):
    """The services' own account; the ground truth for counts.

    Every method but `close` raises Unavailable where the account cannot be read. Who opens a ledger closes it:
    `with contextlib.closing(…) as ledger`.
    """

    def view(self, run: str, *, audit: bool = False) -> StoreView:
        """Return the account of one run, in events; of the whole store where *run* is empty."""

    def totals(self, run: str) -> Sequence[Aggregate]:
        """Return the aggregates over a whole run."""

    def windows(self, run: str) -> Sequence[Aggregate]:
        """Return the aggregates of every window; none where some were removed, since the rest proves nothing."""

    def close(self) -> None:
        """End its connection; do nothing where it has none. A ledger that is read again connects again."""
