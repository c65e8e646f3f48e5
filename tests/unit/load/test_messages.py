"""A load order as the simulator reads it, and its report as the lab keeps it."""

import math

import pytest

from lab.load.messages import Report, run_load_request
from lab.load.port import LoadOrder, Progress
from lab.model import (
    NANOS,
    Account,
    Aggregate,
    Burst,
    Constant,
    Host,
    Load,
    Poisson,
    Ramp,
    Refusal,
    Replay,
    Shape,
    SkippedRow,
    Source,
    Step,
    Synthetic,
    Trace,
    Window,
)
from services.contracts.generated.lab.simulator.v1 import simulator_pb2 as pb

START_NS = 1_800_000_000 * NANOS
SHAPE = Constant(5)
SOURCE = Synthetic()


def request(shape: Shape | None = SHAPE, source: Source = SOURCE, *, window_ns: int = 0) -> pb.RunLoadRequest:
    """Return the request for a load of two seconds."""
    order = LoadOrder("a-run", Load(source, shape, batch_events=7), 2.0, window_ns=window_ns, deadline_ms=900)
    return run_load_request(order, ingest_address="127.0.0.1:1")


# -------------------------------------------------------------------------------------------------------- requests


def test_an_order_travels_whole() -> None:
    """The request has the run, the address of ingest-api, the duration, the batches and their deadline."""
    sent = request(window_ns=NANOS)
    assert (sent.run, sent.ingest_address, sent.window_nanos, sent.deadline_ms) == (
        "a-run", "127.0.0.1:1", NANOS, 900,
    )  # fmt: skip
    assert (sent.profile.duration_seconds, sent.profile.batch_events) == (2.0, 7)


@pytest.mark.parametrize(
    ("shape", "profile"),
    [
        (Constant(5), pb.Profile(constant=pb.ConstantShape(rate=5))),
        (Poisson(5, seed=3), pb.Profile(poisson=pb.PoissonShape(rate=5, seed=3))),
        (Step((1, 2)), pb.Profile(step=pb.StepShape(rates=[1, 2]))),
        (Ramp(1, 2), pb.Profile(ramp=pb.RampShape(from_rate=1, to_rate=2))),
        (
            Burst(1, 2, 3.0, 0.5),
            pb.Profile(burst=pb.BurstShape(base_rate=1, peak_rate=2, period_seconds=3, burst_seconds=0.5)),
        ),
        (Trace((0.0, 0.5)), pb.Profile(trace=pb.TraceShape(offset_seconds=[0, 0.5]))),
        (None, pb.Profile()),
    ],
)
def test_a_shape_travels_as_itself(shape: Shape | None, profile: pb.Profile) -> None:
    """The pace of a file is no shape."""
    sent = request(shape).profile
    sent.ClearField("duration_seconds")
    sent.ClearField("batch_events")
    assert sent == profile


@pytest.mark.parametrize(
    ("source", "sent"),
    [
        (Synthetic(7, sources=2, kinds=3), pb.RunLoadRequest(synthetic=pb.SyntheticSource(seed=7, sources=2, kinds=3))),
        (Host(), pb.RunLoadRequest(host=pb.HostSource())),
        (
            Replay("/a.csv", "value=v", "max"),
            pb.RunLoadRequest(replay=pb.ReplaySource(path="/a.csv", columns="value=v", speed="max")),
        ),
    ],
)
def test_a_source_travels_as_itself(source: Source, sent: pb.RunLoadRequest) -> None:
    """The source `host` has no parameters."""
    kind = sent.WhichOneof("source")
    assert kind is not None
    assert request(source=source).WhichOneof("source") == kind
    assert getattr(request(source=source), kind) == getattr(sent, kind)


@pytest.mark.parametrize(
    ("source", "window_ns", "fits"), [(Replay("/a.csv"), 0, True), (Replay("/a.csv"), 5, False), (Host(), 0, False)]
)
def test_only_a_replay_without_a_width_lets_the_windows_fit_the_file(
    source: Source, window_ns: int, *, fits: bool
) -> None:
    """Any other load has windows of one second."""
    assert request(source=source, window_ns=window_ns).window_fits_file is fits


# -------------------------------------------------------------------------------------------------------- reports


def samples(
    started_ns: int, intended: list[int], *, events: int = 1, outcome: pb.Outcome = pb.OUTCOME_ACKNOWLEDGED
) -> pb.Samples:
    """Return batches that were sent 1 ns after they were due, and answered 10 ns after."""
    return pb.Samples(
        started_unix_nano=started_ns,
        intended_nanos=intended,
        sent_nanos=[at + 1 for at in intended],
        completed_nanos=[at + 10 for at in intended],
        events=[events] * len(intended),
        outcome=[outcome] * len(intended),
    )


def reported(*parts: pb.RunLoadResponse, result: pb.Result | None = None) -> Report:
    """Return a report of these parts, the result last."""
    report = Report()
    for part in (*parts, pb.RunLoadResponse(result=result or pb.Result())):
        report.take(part)
    return report


def test_progress_is_returned_at_once() -> None:
    """It is not kept."""
    message = pb.Progress(
        elapsed_seconds=1.5,
        account=pb.Account(
            intended=9, sent=8, acknowledged=5, unknown=2, refused=1, duplicates=3, attempts=11
        ),
        offered_rate=100,
        acknowledged_rate=99,
        in_flight=4,
        p50_ms=1.25,
        p99_ms=7.5,
    )  # fmt: skip
    account = Account(intended=9, sent=8, acknowledged=5, unknown=2, refused=1, duplicates=3, attempts=11)
    assert Report().take(pb.RunLoadResponse(progress=message)) == Progress(1.5, account, 100, 99, 4, 1.25, 7.5)


def test_what_was_understood_of_a_file_is_returned_at_once() -> None:
    """It is shown before the first progress."""
    assert Report().take(pb.RunLoadResponse(file="a.csv: 2 rows")) == "a.csv: 2 rows"


def test_other_parts_are_no_progress() -> None:
    """They are kept until the result comes."""
    report = Report()
    parts = (
        pb.RunLoadResponse(samples=pb.Samples()),
        pb.RunLoadResponse(producer_ledger=pb.ProducerLedgerPage()),
        pb.RunLoadResponse(),
    )
    assert [report.take(part) for part in parts] == [None, None, None]
    assert report.result is None


def test_the_result_ends_a_report() -> None:
    """It is about the load run as a whole."""
    report = reported(
        result=pb.Result(
            account=pb.Account(intended=3, acknowledged=3),
            started_unix_nano=START_NS,
            ended_unix_nano=START_NS + 5,
            window_nanos=7,
            skipped_rows=2,
            skipped=[pb.SkippedRow(line=3, reason="no value")],
            stopped=True,
            notes=["naive times were read as UTC"],
        )
    )
    assert report.result is not None
    load_run = report.load_run(report.result)
    assert (load_run.account, load_run.window) == (
        Account(intended=3, acknowledged=3),
        Window(START_NS, START_NS + 5),
    )
    assert (load_run.window_ns, load_run.stopped) == (7, True)
    assert (load_run.skipped_rows, load_run.skipped) == (2, (SkippedRow(3, "no value"),))
    assert load_run.notes == ("naive times were read as UTC",)


def test_samples_of_all_parts_are_one_table_in_the_order_of_their_intended_time() -> None:
    """Times of every part are counted from the start of the first part."""
    report = reported(
        pb.RunLoadResponse(samples=samples(START_NS, [300, 100], events=2)),
        pb.RunLoadResponse(samples=samples(START_NS + 50, [150], events=5, outcome=pb.OUTCOME_UNKNOWN)),
    )
    table = report.load_run(pb.Result(started_unix_nano=START_NS + 999)).samples
    assert (table.started_ns, len(table)) == (START_NS, 3)
    assert table.intended_ns.tolist() == [100, 200, 300]
    assert table.sent_ns.tolist() == [101, 201, 301]
    assert table.completed_ns.tolist() == [110, 210, 310]
    assert table.events.tolist() == [2, 5, 2]
    assert table.outcome.tolist() == [1, 3, 1]
    assert table.blocked_ns.tolist() == [0, 0, 0], "an older simulator does not say how long a batch waited"


def test_the_wait_for_a_slot_goes_with_its_batch() -> None:
    """In the order of the intended time, like every column."""
    part = samples(START_NS, [300, 100])
    part.blocked_nanos.extend([7, 0])
    part.starved_nanos.extend([0, 9])
    table = reported(pb.RunLoadResponse(samples=part)).load_run(pb.Result(started_unix_nano=START_NS)).samples
    assert (table.blocked_ns.tolist(), table.starved_ns.tolist()) == ([0, 7], [9, 0])


def test_refusals_and_a_clock_that_was_set_are_told() -> None:
    """Reason, events and the first message; the clock's step in nanoseconds."""
    refusal = pb.Refusal(reason="BACKLOG_FULL", events=40, message="the backlog is full")
    result = pb.Result(started_unix_nano=START_NS, refusals=[refusal], clock_step_nanos=-5)
    load_run = reported().load_run(result)
    assert load_run.refusals == (Refusal("BACKLOG_FULL", 40, "the backlog is full"),)
    assert load_run.clock_step_ns == -5


def test_a_load_that_sent_nothing_has_an_empty_table() -> None:
    """The table begins when the load run begins."""
    table = reported().load_run(pb.Result(started_unix_nano=START_NS)).samples
    assert (table.started_ns, len(table), len(table.outcome)) == (START_NS, 0, 0)


def test_the_producer_ledger_keeps_the_acknowledged_apart_from_the_unknown() -> None:
    """In any order of the pages; a row is one aggregate."""
    known = pb.ProducerAggregate(
        window=2, source="pi", kind="temp", count=3, sum_high=1, sum_low=5, minimum=-1, maximum=4
    )
    unknown = pb.ProducerAggregate(window=-1, source="pi", kind="temp", count=1, sum_high=-1, sum_low=0)
    report = reported(
        pb.RunLoadResponse(producer_ledger=pb.ProducerLedgerPage(aggregates=[unknown], unknown=True)),
        pb.RunLoadResponse(producer_ledger=pb.ProducerLedgerPage(aggregates=[known, known])),
    )
    load_run = report.load_run(pb.Result(window_nanos=10))
    assert load_run.producer_ledger == (Aggregate("pi", "temp", 3, 2**32 + 5, -1.0, 4.0, window_start_ns=20),) * 2
    assert load_run.producer_ledger_unknown == (Aggregate("pi", "temp", 1, -(2**32), 0.0, 0.0, window_start_ns=-10),)


def test_windows_are_a_second_wide_unless_the_result_says_otherwise() -> None:
    """The number of a window times its width is its start."""
    aggregate = pb.ProducerAggregate(window=3, source="pi", kind="temp", count=1, minimum=math.inf)
    load_run = reported(pb.RunLoadResponse(producer_ledger=pb.ProducerLedgerPage(aggregates=[aggregate]))).load_run(
        pb.Result()
    )
    assert (load_run.window_ns, load_run.producer_ledger[0].window_start_ns) == (NANOS, 3 * NANOS)
