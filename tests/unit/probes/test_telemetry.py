"""How far metrics come, by what a ledger, a collector and a metrics server tell."""

from dataclasses import dataclass, field

from lab.model import Balance, StoreView
from lab.probes.telemetry import POLL_S, collector_counters, last_samples, watch_ledger
from lab.snapshots.answers import CollectorProbe, LastSample, LedgerProbe
from tests.fakes.clock import FakeClock

PAGE = """# HELP otelcol_exporter_sent_metric_points_total Number of metric points successfully sent. [Alpha]
# TYPE otelcol_exporter_sent_metric_points_total counter
otelcol_exporter_sent_metric_points_total{exporter="prometheusremotewrite",otel_scope_name="x"} 1200
otelcol_exporter_send_failed_metric_points_total{exporter="prometheusremotewrite",otel_scope_name="x"} 7
otelcol_receiver_accepted_metric_points_total{receiver="otlp",transport="grpc"} 1.5e+03
otelcol_receiver_accepted_spans_total{receiver="otlp",transport="grpc"} 9
"""


@dataclass
class Told:
    """A ledger that gives one balance after the other, the last one for ever."""

    balances: list[Balance]
    asked: list[str] = field(default_factory=list)

    def view(self, run: str, *, audit: bool = False) -> StoreView:
        """The next balance."""
        self.asked.append(run)
        now = self.balances.pop(0) if len(self.balances) > 1 else self.balances[0]
        return StoreView(
            now, known=True, instances={}, last_commit_ns=0, audited_backlog=None, epoch="", version=1, staleness_ms=0,
            durability="durable",
        )  # fmt: skip


@dataclass
class Heard:
    """Samples that are there."""

    samples: dict[str, dict[str, float]]

    def newest(self, name: str) -> dict[str, float]:
        """Those of one metric."""
        return self.samples.get(name, {})


def balance(counted: int, backlog: int) -> Balance:
    """An account of a hundred events."""
    return Balance(accepted=100, counted=counted, dead=0, backlog=backlog, duplicates=0)


def watched(ledger: Told) -> LedgerProbe:
    """Return what is known of a ledger that is watched for about three seconds at most."""
    clock = FakeClock()
    return watch_ledger(ledger, patience_s=3.0, clock=clock, pause=clock.pause)


def test_a_ledger_in_which_nothing_waits_is_read_once() -> None:
    """A snapshot of a healthy stack is quick."""
    told = Told([balance(100, 0)])
    assert watched(told).still_s == 0.0
    assert told.asked == [""]


def test_a_ledger_that_moves_is_not_still() -> None:
    """Events wait at every moment of a load."""
    assert watched(Told([balance(40, 60), balance(41, 59)])).still_s == 0.0


def test_a_ledger_that_stands_still_is_watched_until_patience_ends() -> None:
    """The probe says for how long."""
    probe = watched(Told([balance(40, 60)]))
    assert (probe.accepted, probe.counted, probe.backlog) == (100, 40, 60)
    assert 3.0 <= probe.still_s <= 3.0 + POLL_S


def test_counters_of_a_collector_are_read_from_its_page() -> None:
    """Points, not spans; what could not be passed on, too."""
    assert collector_counters(PAGE) == CollectorProbe(received=1500, sent=1200, failed=7)


def test_a_collector_that_says_nothing_is_not_a_collector_that_took_nothing() -> None:
    """None means: not looked at."""
    assert collector_counters("") is None


def test_every_promised_metric_of_every_process_is_asked_for() -> None:
    """A metric that nobody sends has no sample."""
    heard = Heard({"a_total": {"w1": 5.0, "w2": 6.0}})
    assert last_samples(heard, ("a_total", "b_total")) == (
        LastSample("a_total", "w1", 5.0),
        LastSample("a_total", "w2", 6.0),
    )
