"""What every load generator does: the simulator of a real stack, and the generator in memory that other tests use."""

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from lab.errors import Unavailable, UsageFault
from lab.load.port import LoadGenerator, LoadOrder, Progress
from lab.load.simulator import SimulatorLoad
from lab.metrics.ledger import QueryLedger
from lab.metrics.port import LedgerSource
from lab.model import NANOS, OUTCOMES, Account, Aggregate, Constant, Load, LoadRun, Replay, Synthetic
from lab.rpc.channels import connector
from tests.fakes.ledger import FakeLedger
from tests.fakes.load import FakeLoad
from tests.programs import free_port
from tests.waiting import until

RATE = 100.0
DURATION_S = 0.5


class Sending(NamedTuple):
    """A generator, the ledger of what receives its events, and the same kind of generator that does not answer."""

    load: LoadGenerator
    ledger: LedgerSource
    silent: LoadGenerator


@pytest.fixture(params=["simulator", "memory"])
def sending(request: pytest.FixtureRequest) -> Iterator[Sending]:
    """Yield each generator."""
    if request.param == "memory":
        fake = FakeLedger()
        yield Sending(FakeLoad(fake), fake, FakeLoad(fake, fails=Unavailable("the simulator does not answer")))
        return
    endpoints = request.getfixturevalue("stack").endpoints
    silent = SimulatorLoad(f"127.0.0.1:{free_port()}", ingest_address=endpoints.ingest)
    connect = connector(endpoints.access)
    with closing(QueryLedger(endpoints.query, connect=connect)) as ledger:
        simulator = SimulatorLoad(endpoints.simulator, ingest_address=endpoints.ingest, connect=connect)
        yield Sending(simulator, ledger, silent)


def order(run: str, *, rate: float = RATE, duration_s: float = DURATION_S, window_ns: int = 0) -> LoadOrder:
    """Return an order for a constant load in batches of ten."""
    return LoadOrder(run, Load(Synthetic(), Constant(rate), batch_events=10), duration_s, window_ns=window_ns)


def ignore(_progress: Progress) -> None:
    """Ignore the progress."""


def interrupt(_progress: Progress) -> None:
    """Do what Ctrl-C does."""
    raise KeyboardInterrupt


def await_counted(sending: Sending, run: str, load_run: LoadRun) -> None:
    """Wait until every acknowledged event is counted, and fail when it is not."""
    until(lambda: sending.ledger.view(run).balance.counted == load_run.account.acknowledged)


def contents(aggregates: tuple[Aggregate, ...]) -> set[tuple[str, str, int, int, int]]:
    """Return what must agree to the last digit between the sender's account and the ledger."""
    return {(each.source, each.kind, each.window_start_ns, each.count, each.sum_micro) for each in aggregates}


def test_the_ordered_events_are_sent_and_acknowledged(sending: Sending, run: str) -> None:
    """A healthy stack takes all of them."""
    account = sending.load.run(order(run), ignore).account
    ordered = round(RATE * DURATION_S)
    assert (account.intended, account.sent, account.acknowledged) == (ordered, ordered, ordered)
    assert (account.unknown, account.refused, account.duplicates) == (0, 0, 0)
    assert account.attempts >= 1


def test_acknowledged_events_are_in_the_ledger_of_the_ordered_run(sending: Sending, run: str) -> None:
    """The producer ledger and the windows of the ledger agree to the last digit."""
    load_run = sending.load.run(order(run), ignore)
    await_counted(sending, run, load_run)
    assert sending.ledger.view(run).balance.accepted == load_run.account.acknowledged
    assert contents(tuple(load_run.producer_ledger)) == contents(tuple(sending.ledger.windows(run)))
    assert not load_run.producer_ledger_unknown


def test_the_window_lies_within_the_call(sending: Sending, run: str) -> None:
    """From the first intended time to the last answer; the last batch is due before the end."""
    before_ns = time.time_ns()
    window = sending.load.run(order(run), ignore).window
    assert before_ns <= window.start_ns < window.end_ns <= time.time_ns()
    assert window.seconds > DURATION_S / 2


def test_every_batch_has_a_sample(sending: Sending, run: str) -> None:
    """It was due, was sent and was answered, in this order."""
    load_run = sending.load.run(order(run), ignore)
    samples = load_run.samples
    acknowledged = samples.outcome == OUTCOMES.index("acknowledged")
    assert samples.events[acknowledged].sum() == load_run.account.acknowledged
    assert (samples.intended_ns <= samples.sent_ns).all()
    assert (samples.sent_ns < samples.completed_ns).all()
    assert len(samples) == len(samples.events) == len(samples.outcome) > 0


@pytest.mark.parametrize(("ordered_ns", "window_ns"), [(0, NANOS), (2 * NANOS, 2 * NANOS)])
def test_windows_are_as_wide_as_ordered(sending: Sending, run: str, ordered_ns: int, window_ns: int) -> None:
    """A second without an order."""
    assert sending.load.run(order(run, window_ns=ordered_ns), ignore).window_ns == window_ns


def test_progress_is_told_while_the_load_goes_on(sending: Sending, run: str) -> None:
    """It never claims more than the report."""
    told: list[Progress] = []
    account = sending.load.run(order(run), told.append).account
    assert told
    assert all(progress.elapsed_s > 0 for progress in told)
    assert [progress.elapsed_s for progress in told] == sorted(progress.elapsed_s for progress in told)
    assert all(0 <= progress.account.acknowledged <= account.acknowledged for progress in told)


def test_what_was_understood_of_a_file_is_told_before_the_progress(sending: Sending, run: str, tmp_path: Path) -> None:
    """Once, in one line that names the file; a load without a file tells nothing."""
    path = tmp_path / "flows.csv"
    path.write_text("time,x\n2026-11-20T10:00:00Z,1\n2026-11-20T10:00:01Z,2\n")
    told: list[str] = []
    load = Load(Replay(str(path)), None)
    sending.load.run(LoadOrder(run, load, DURATION_S), lambda _: told.append("progress"), on_file=told.append)
    assert told[0].startswith("flows.csv: ")
    assert told[0].isprintable()
    assert set(told[1:]) <= {"progress"}
    told.clear()
    sending.load.run(order(f"{run}-b"), ignore, on_file=told.append)
    assert told == []


def test_ctrl_c_ends_the_load_run_and_not_the_report(sending: Sending, run: str) -> None:
    """The report says that the load was stopped; what was acknowledged until then is in the ledger."""
    load_run = sending.load.run(order(run, duration_s=2.0), interrupt)
    assert load_run.stopped
    assert load_run.account.acknowledged < RATE * 2.0
    await_counted(sending, run, load_run)


def test_somebody_in_a_hurry_ends_the_load_run_and_not_the_report(sending: Sending, run: str) -> None:
    """The report says that the load was stopped; what was acknowledged until then is in the ledger."""
    end = time.monotonic() + DURATION_S
    load_run = sending.load.run(order(run, duration_s=2.0), ignore, hurried=lambda: time.monotonic() > end)
    assert load_run.stopped
    assert 0 < load_run.account.acknowledged < RATE * 2.0
    await_counted(sending, run, load_run)


def test_a_load_run_that_comes_to_its_end_was_not_stopped(sending: Sending, run: str) -> None:
    """A second load run follows on the same generator and is accounted apart."""
    first = sending.load.run(order(run), ignore)
    second = sending.load.run(order(f"{run}-b"), ignore)
    assert not first.stopped
    assert not second.stopped
    await_counted(sending, run, first)
    await_counted(sending, f"{run}-b", second)


@pytest.mark.parametrize("rate", [0.0, -1.0])
def test_a_load_that_makes_no_sense_is_refused(sending: Sending, run: str, rate: float) -> None:
    """Nothing is sent."""
    with pytest.raises(UsageFault):
        sending.load.run(order(run, rate=rate), ignore)
    assert not sending.ledger.view(run).known


def test_a_generator_that_does_not_answer_is_unavailable(sending: Sending, run: str) -> None:
    """Nothing is sent."""
    with pytest.raises(Unavailable):
        sending.silent.run(order(run), ignore)
    assert sending.ledger.view(run).balance.accepted == Account().acknowledged
