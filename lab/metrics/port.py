"""What can be asked about a stack: metrics over a window, and the ledger."""

from collections.abc import Sequence
from typing import Protocol

from lab.model import Aggregate, Series, StoreView, Window


class MetricSource(Protocol):
    """Metrics, as Prometheus has them; never the ground truth for counts."""

    def raw(self, name: str, window: Window) -> Sequence[Series]:
        """Every stored sample of a metric within a window, one series per label set; empty where there is none."""

    def over_time(self, query: str, window: Window, *, step_s: float = 1.0) -> Sequence[Series]:
        """A PromQL expression evaluated at every step of a window."""

    def last_scrape_ns(self, job: str) -> int:
        """When a service was last scraped successfully, nanoseconds since the epoch; 0 when never."""


class LedgerSource(Protocol):
    """The services' own account; the ground truth for counts."""

    def view(self, run: str, *, audit: bool = False) -> StoreView:
        """The account of one run; of the whole store when *run* is empty."""

    def totals(self, run: str) -> Sequence[Aggregate]:
        """Aggregates over the whole run."""

    def windows(self, run: str) -> Sequence[Aggregate]:
        """Aggregates per window."""
