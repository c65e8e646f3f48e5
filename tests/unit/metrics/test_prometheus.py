"""What a Prometheus says about the newest scrapes of several processes, told as one moment or for each process."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import pytest

from lab.metrics.client import PrometheusClient, Result
from lab.metrics.prometheus import PrometheusSource
from lab.model import NANOS

JOB: Final = "lab/process-worker"
UP: Final = f'up{{job="{JOB}"}}'
NOW_S: Final = 1_000.0


class Scrape(NamedTuple):
    """One sample of `up`: when, and whether the process answered; None: it is no longer scraped."""

    at_s: float
    up: bool | None


class Scraped(PrometheusClient):
    """Answers the expressions about `up` from planted scrapes, as Prometheus does.

    Args:
        scrapes: Instance → its scrapes, the oldest first.
    """

    def __init__(self, scrapes: Mapping[str, Sequence[Scrape]]) -> None:
        super().__init__("http://127.0.0.1:1")
        self._scrapes = scrapes

    def instant(self, promql: str, *, at_s: float | None = None) -> list[Result]:
        """See `PrometheusClient.instant`."""
        if promql == f"{UP}[1h]":
            return [
                {
                    "metric": {"__name__": "up", "job": JOB, "instance": instance},
                    "values": [(scrape.at_s, str(int(scrape.up))) for scrape in scrapes if scrape.up is not None],
                }
                for instance, scrapes in self._scrapes.items()
            ]
        if promql == f"min(timestamp({UP}) and ({UP} == 1))":
            moment_s = NOW_S if at_s is None else at_s
            newest = [
                max((scrape for scrape in scrapes if scrape.at_s <= moment_s), default=Scrape(0.0, up=None))
                for scrapes in self._scrapes.values()
            ]
            running_s = [scrape.at_s for scrape in newest if scrape.up]
            return [{"metric": {}, "value": (moment_s, str(min(running_s)))}] if running_s else []
        return []


@pytest.mark.parametrize(
    ("scrapes", "since_s"),
    [
        pytest.param({"a": [Scrape(31, up=True)], "b": [Scrape(30, up=True)]}, 30.0, id="both run"),
        pytest.param(
            {"a": [Scrape(31, up=True)], "b": [Scrape(29, up=True), Scrape(30, up=False)]}, 31.0, id="one is down"
        ),
        pytest.param(
            {"a": [Scrape(31, up=True), Scrape(32, up=False)], "b": [Scrape(30.5, up=True), Scrape(31.5, up=False)]},
            30.5,
            id="both are down",
        ),
        pytest.param(
            {"a": [Scrape(31, up=True), Scrape(32, up=False)], "b": [Scrape(10, up=True), Scrape(11, up=None)]},
            31.0,
            id="both are down, one for long",
        ),
        pytest.param({"a": [Scrape(31, up=True), Scrape(32, up=None)]}, 31.0, id="gone"),
        pytest.param({"a": [Scrape(31, up=False)]}, 0.0, id="never up"),
        pytest.param({}, 0.0, id="never heard of"),
    ],
)
def test_a_job_was_scraped_since_the_scrape_of_its_last_process(
    scrapes: Mapping[str, Sequence[Scrape]], since_s: float
) -> None:
    """That a process dies proves no scrape of another, and undoes no scrape."""
    assert PrometheusSource(Scraped(scrapes)).last_scrape_ns(JOB) == round(since_s * NANOS)


class Listing(PrometheusClient):
    """Answers every expression with rows of one process, the newest row first."""

    def instant(self, promql: str, *, at_s: float | None = None) -> list[Result]:
        """See `PrometheusClient.instant`."""
        return [
            {"metric": {"instance": "a", "method": "GetLedger"}, "value": (NOW_S, "30")},
            {"metric": {"instance": "a", "method": "ListTotals"}, "value": (NOW_S, "20")},
        ]


def test_the_newest_sample_of_a_process_is_the_newest_of_all_its_series() -> None:
    """`query_requests_total` has a series for each method."""
    assert PrometheusSource(Listing("http://127.0.0.1:1")).newest("query_requests_total") == {"a": 30.0}
