"""Metrics from a Prometheus server."""

from __future__ import annotations

import difflib
import json
import math
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import numpy as np

from lab.errors import Unavailable
from lab.metrics.queries import selector
from lab.model import NANOS, Reason, Series
from lab.settings import text_of
from services.contracts.signals import PROCESS_CPU_TIME

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import TypeVar

    from prometheus_api_client import PrometheusConnect

    from lab.model import Window
    from lab.settings import LabSettings

    T = TypeVar("T")

MAX_POINTS: Final = 10_900
"""Prometheus refuses more than 11,000 points a series; the ends of a range are both points."""
LOOK_BACK: Final = "1h"
"""How far back the last successful scrape of a service that is down now is looked for."""
PUSHED: Final = PROCESS_CPU_TIME.prometheus_name
"""What every process pushes, whatever it does."""
PUSHED_WITHIN_S: Final = 2.0
"""Within this time of the newest sample of a job every process of it has pushed: twice the interval of a second."""
LOOPBACK: Final = ("127.", "localhost", "[::1]")
SUFFIX: Final = re.compile(r"(_total|_seconds|_bytes|_events|_ratio|_count)+$")


class PrometheusSource:
    """Asks one Prometheus server; satisfies `MetricSource`.

    Args:
        url: Where it is, for example `http://127.0.0.1:9090`.
        timeout_s: How long one answer may take.
        authorization: Value of the `Authorization` header; empty for none.
        ca_file: Certificates to trust in place of the system's; empty for the system's.
    """

    def __init__(self, url: str, *, timeout_s: float = 10.0, authorization: str = "", ca_file: str = "") -> None:
        self._url = url.rstrip("/")
        self._timeout_s = timeout_s
        self._headers = {"Authorization": authorization} if authorization else {}
        self._ca_file = ca_file
        self._connection: PrometheusConnect | None = None

    def raw(self, name: str, window: Window) -> Sequence[Series]:
        """Every stored sample of a metric within a window, one series per label set; empty where there is none."""
        milliseconds = max(1, math.ceil((window.end_ns - window.start_ns) / 1e6))
        results = self._instant(f"{selector(name)}[{milliseconds}ms]", at_s=window.end_ns / NANOS)
        return [_series(name, result, result["values"]) for result in results]

    def over_time(self, query: str, window: Window, *, step_s: float = 1.0) -> Sequence[Series]:
        """A PromQL expression at every step of a window; the step grows where the window holds too many.

        Every series is named for the query, whatever the metric behind it.
        """
        step = max(step_s, window.seconds / MAX_POINTS)
        bounds = {"start": window.start_ns / NANOS, "end": window.end_ns / NANOS}
        start, end = (datetime.fromtimestamp(seconds, UTC) for seconds in bounds.values())

        def ask(connection: PrometheusConnect) -> list[dict[str, object]]:
            # The library rounds both ends to seconds; its extra parameters win.
            answer: list[dict[str, object]] = connection.custom_query_range(query, start, end, f"{step:.3f}", bounds)
            return answer

        return [_series(query, result, result["values"]) for result in self._ask(query, ask)]

    def last_scrape_ns(self, job: str) -> int:
        """When every process of a job that is up was last heard of, nanoseconds since the epoch; 0 when never.

        Where processes push what they count nobody says which of them are up; each of them does so every second.
        """
        up = selector("up", {"job": job})
        # timestamp() of an expression is the time of the evaluation; only of a plain selector it is the sample's.
        scraped = [_number(result["value"]) for result in self._instant(f"min(timestamp({up}) and ({up} == 1))")]
        if not scraped:
            series = [_series("up", result, result["values"]) for result in self._instant(f"{up}[{LOOK_BACK}]")]
            scraped = [float(one.time_s[one.value == 1].max(initial=0.0)) for one in series]
        if not scraped:
            pushed = self._instant(f"max(timestamp({selector(PUSHED, {'job': job})}))")
            scraped = [_number(result["value"]) - PUSHED_WITHIN_S for result in pushed]
        return round(max(scraped, default=0.0) * NANOS)

    def newest(self, name: str) -> dict[str, float]:
        """`instance` of every process that a metric is known of → time of its newest sample, seconds since the epoch.

        What was last heard of five minutes ago is not known any more.
        """
        results = self._instant(f"timestamp({selector(name)})")
        return {str(dict(result["metric"]).get("instance", "")): _number(result["value"]) for result in results}  # type: ignore[call-overload]

    def no_series(self, name: str) -> Reason:
        """Why a metric may have no series: the names that are there and resemble it."""
        known = self._ask(name, lambda connection: connection.get_label_values("__name__"))
        similar = similar_names(name, [str(one) for one in known])
        also = f"; similar: {', '.join(similar)}" if similar else "; no name resembles it: was any service scraped?"
        return Reason("NO_SERIES", f"{name}: no series{also}")

    def check(self) -> None:
        """Ask something trivial.

        Raises:
            Unavailable: Nobody answers, or not as Prometheus does.
        """
        self._instant("vector(1)")

    def _instant(self, query: str, *, at_s: float | None = None) -> list[dict[str, object]]:
        def ask(connection: PrometheusConnect) -> list[dict[str, object]]:
            answer: list[dict[str, object]] = connection.custom_query(query, {} if at_s is None else {"time": at_s})
            return answer

        return self._ask(query, ask)

    def _ask(self, query: str, ask: Callable[[PrometheusConnect], T]) -> T:
        """One question; foreign errors become ours."""
        from prometheus_api_client.exceptions import PrometheusApiClientException  # noqa: PLC0415 - heavy

        try:
            return ask(self._connected())
        except PrometheusApiClientException as error:
            raise self._fault(query, _reason_given(str(error)), code="PROM_REFUSED") from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            # Every error of requests is an OSError; the others are answers of something that is no Prometheus.
            raise self._fault(query, _reason_of(error), code="PROM_UNREACHABLE") from error

    def _connected(self) -> PrometheusConnect:
        if self._connection is None:
            import requests  # noqa: PLC0415 - heavy
            from prometheus_api_client import PrometheusConnect  # noqa: PLC0415 - heavy

            session = requests.Session()
            session.verify = self._ca_file or True
            # A proxy of the environment has no business between two processes of one machine.
            session.trust_env = not (urlsplit(self._url).netloc or self._url).startswith(LOOPBACK)
            self._connection = PrometheusConnect(
                self._url, headers=self._headers, session=session, retry=0, timeout=self._timeout_s
            )
        return self._connection

    def _fault(self, query: str, why: str, *, code: str) -> Unavailable:
        shown = query if len(query) <= 160 else f"{query[:157]}…"
        return Unavailable(
            f"no data: {shown}",
            found=f"{self._url}: {why}",
            next_step=f"curl '{self._url}/-/ready'   or   lab doctor",
            code=code,
        )


def open_prometheus(url: str, settings: LabSettings) -> PrometheusSource:
    """A server, signed in to as the settings say where it is the one that they name.

    Raises:
        BadConfig: The file of the authorization cannot be read.
    """
    if url.rstrip("/") != settings.prometheus_url.rstrip("/"):
        return PrometheusSource(url)
    file, ca_file = settings.prometheus_authorization_file, settings.prometheus_ca_file
    authorization = text_of(file) if file else ""
    return PrometheusSource(url, authorization=authorization, ca_file=str(ca_file or ""))


def similar_names(name: str, known: Sequence[str], *, limit: int = 3) -> tuple[str, ...]:
    """Metric names that may be meant, each with what sets it apart when that is its suffix alone.

    >>> similar_names("worker_events_processed_total", ["up", "worker_events_processed_events_total"])
    ('worker_events_processed_events_total (unit suffix)',)
    """
    stem = SUFFIX.sub("", name)
    return tuple(
        f"{one} (unit suffix)" if SUFFIX.sub("", one) == stem else one
        for one in difflib.get_close_matches(name, known, n=limit, cutoff=0.6)
    )


def _series(name: str, result: Mapping[str, object], values: object) -> Series:
    labels = result.get("metric")
    pairs = np.array(values, np.float64).reshape(-1, 2) if isinstance(values, list) else np.empty((0, 2))
    named = labels if isinstance(labels, dict) else {}
    return Series(name, {k: str(v) for k, v in named.items() if k != "__name__"}, pairs[:, 0], pairs[:, 1])


def _number(pair: object) -> float:
    return float(pair[1]) if isinstance(pair, list) else float("nan")


def _reason_given(text: str) -> str:
    """What the server said: the `error` of its JSON, or the bare status."""
    status = re.search(r"HTTP Status Code (\d+)", text)
    said = re.search(r"\{.*\}", text, re.DOTALL)
    try:
        detail = str(json.loads(said.group().replace("\\'", "'"))["error"]) if said else ""
    except (ValueError, KeyError):
        detail = ""
    return ": ".join(filter(None, (f"HTTP {status.group(1)}" if status else "refused", detail)))


def _reason_of(error: Exception) -> str:
    """The innermost cause in a few words, not the chain of reprs that urllib3 makes."""
    text = str(error)
    known = {"refused": "connection refused", "timed out": "timed out", "resolve": "unknown host name"}
    brief = next((words for sign, words in known.items() if sign in text), "")
    return brief or f"not an answer of Prometheus ({type(error).__name__})"
