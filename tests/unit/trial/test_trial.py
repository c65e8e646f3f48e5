"""An experiment carries out its stages in order and says what is true, whatever the stack does."""

import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from lab.display.silent import NoDisplay
from lab.errors import DataFault, LabError, Unavailable
from lab.model import NANOS, Constant, Death, Fault, Host, Load, Poisson, Replay, Synthetic, Trial, Window
from lab.runs.folder import RunFolder
from lab.runs.record import RunRecord
from lab.runs.store import RunStore
from lab.settings import load_settings
from lab.systems.services import SERVICES, SYSTEM
from lab.trials.phases import await_scrape
from lab.trials.ports import NotebookParameters
from lab.trials.trial import run_trial
from lab.wiring import parts
from services.contracts.signals import PROMISED
from tests.fakes.ledger import FakeLedger
from tests.fakes.metrics import FakeMetrics
from tests.fakes.target import FakeDeployment
from tests.fakes.world import EXPERIMENT, HASTY, World

# --------------------------------------------------------------------------------------------------------- stages


def test_the_stages_follow_one_another() -> None:
    """Up, warm-up, load, draining, down, and only then is the record closed."""
    world = World()
    world.run()
    assert world.diary == [
        "up", "store", "load a-run.warmup", "warm-up", "load a-run", "draining", "down", "recorded",
    ]  # fmt: skip


def test_the_stack_is_asked_for_with_the_settings_of_the_experiment() -> None:
    """They are what the services are started with."""
    world = World()
    world.run(replace(EXPERIMENT, settings={"LAB_WORKER_COST_US": "7"}))
    assert [request.settings for request in world.target.requests] == [{"LAB_WORKER_COST_US": "7"}]


def test_the_order_says_what_was_asked_for() -> None:
    """The load, its duration and the width of the windows in nanoseconds."""
    world = World()
    world.observe(replace(EXPERIMENT, window_s=0.25))
    order = world.load.begun[-1].order
    assert (order.run, order.load, order.duration_s, order.window_ns) == (
        "a-run", EXPERIMENT.load, EXPERIMENT.duration, 250_000_000,
    )  # fmt: skip


def test_progress_is_told_under_the_stage_that_plays() -> None:
    """With the seconds it will take."""
    world = World()
    world.observe()
    assert world.display.progresses == [("warm-up", 0.01), ("measuring", 0.02)]


def test_what_was_understood_of_a_file_is_shown_before_its_load() -> None:
    """A synthetic load, such as the warm-up, has no file."""
    world = World()
    world.observe(replace(EXPERIMENT, load=Load(Replay("/data/flows.csv"), None)))
    assert world.display.message("reading") == "flows.csv: 1 row; time=time; values: x"


def test_the_ledger_is_closed_once_whatever_becomes_of_the_trial() -> None:
    """An open one holds a connection for as long as the notebook lives."""
    well, failing = World(), World(load_fails=Unavailable("the load ended early"))
    well.observe()
    with pytest.raises(Unavailable, match="the load ended early"):
        failing.observe()
    assert (well.ledger.closings, failing.ledger.closings) == (1, 1)


# -------------------------------------------------------------------------------------------------------- warm-up


def test_the_warm_up_is_a_run_of_its_own() -> None:
    """Synthetic, whatever is measured, and nowhere in the account of the measured run."""
    world = World()
    evidence = world.observe()
    warm_up = world.load.begun[0].order
    assert (warm_up.run, type(warm_up.load.source)) == ("a-run.warmup", Synthetic)
    assert evidence.store.balance.accepted == evidence.load_run.account.acknowledged == 200


@pytest.mark.parametrize(
    ("load", "rate"),
    [
        (Load(Host(), Constant(50)), 50),
        (Load(Host(), Constant(90_000)), 2_000),
        (Load(Host(), Poisson(50)), 500),
        (Load(Host(), None), 500),
    ],
)
def test_the_warm_up_has_the_rate_of_a_constant_load_within_limits(load: Load, rate: float) -> None:
    """Any other shape is warmed up at 500 events per second."""
    world = World()
    world.observe(replace(EXPERIMENT, load=load))
    assert world.load.begun[0].order.load.shape == Constant(rate)


def test_the_measured_load_begins_with_an_empty_backlog() -> None:
    """What the warm-up left is counted first, however many looks that takes."""
    world = World(FakeLedger(counted_per_view=3))
    world.observe()
    assert [begun.backlog for begun in world.load.begun] == [0, 0]
    assert world.display.message("warm-up") == "0.01 s of synthetic load, backlog 0"


def test_the_warm_up_waits_for_a_scrape_after_it() -> None:
    """The counters' value before the measured load is known then."""
    world = World(metrics=FakeMetrics(every_s=0.05))
    world.observe(replace(EXPERIMENT, duration=0.0))
    drained_ns = world.ledger.view("a-run.warmup").last_commit_ns
    assert next(told for told in world.metrics.told_ns if told > drained_ns) < world.span_windows[0].start_ns


def test_a_backlog_that_the_warm_up_leaves_is_said() -> None:
    """A worker that has died counts nothing, and nobody reads that the backlog were 0."""
    world = World(FakeLedger(counted_per_view=0), patience=HASTY)
    world.observe()
    assert world.display.message("warm-up").startswith("0.01 s of synthetic load, backlog 20")


def test_a_worker_that_was_not_scraped_after_the_warm_up_is_said() -> None:
    """The first scrape of a new stack may come late."""
    world = World(metrics=FakeMetrics(every_s=0), patience=HASTY)
    world.observe()
    assert world.display.message("warm-up") == "0.01 s of synthetic load, backlog 0, no scrape of the worker"


def test_without_a_warm_up_nothing_is_said_to_have_been_played() -> None:
    """The measured load is the only one."""
    world = World()
    world.observe(replace(EXPERIMENT, warm_up=0.0))
    assert [begun.order.run for begun in world.load.begun] == ["a-run"]
    assert world.display.message("warm-up") == "no load"


# ------------------------------------------------------------------------------------------------------- draining


def test_draining_waits_until_everything_is_counted() -> None:
    """The account is taken then, with an audit."""
    world = World(FakeLedger(counted_per_view=7))
    store = world.observe().store
    assert (store.balance.accepted, store.balance.counted, store.balance.backlog) == (200, 200, 0)
    assert store.audited_backlog == 0


def test_draining_waits_for_a_scrape_after_the_last_commit() -> None:
    """An earlier one cannot have seen all of it."""
    world = World(metrics=FakeMetrics(every_s=0.05))
    evidence = world.observe()
    assert world.metrics.told_ns[-1] > evidence.store.last_commit_ns
    assert world.display.message("draining").endswith("last scrape taken")


def test_a_scrape_that_never_comes_is_said() -> None:
    """The run goes on; its validity is judged by the series it lacks."""
    world = World(metrics=FakeMetrics(every_s=0), patience=HASTY)
    assert world.observe().series == ()
    assert world.display.message("draining").endswith("no scrape after the last commit")


def test_a_backlog_that_never_drains_is_said_and_kept() -> None:
    """The evidence holds it, so that the ledger stays open."""
    world = World(FakeLedger(counted_per_view=0), patience=HASTY)
    trial = world.run()
    assert world.display.message("draining").startswith("backlog 200 after ")
    assert (trial.ledger.backlog, trial.validity.status) == (200, "INVALID")


def test_an_account_that_does_not_answer_for_a_moment_is_asked_again() -> None:
    """A query-api that was killed is back before patience ends."""
    world = World(FakeLedger(absent_views=3))
    assert world.observe().store.balance.counted == 200


def test_an_account_that_never_answers_ends_the_run() -> None:
    """By what was found at the last look."""
    world = World(FakeLedger(absent_views=10**9), patience=HASTY)
    with pytest.raises(Unavailable, match="query-api does not answer"):
        world.observe()


def test_a_scrape_is_awaited_no_longer_than_it_is_told() -> None:
    """False is the answer then."""
    assert not await_scrape(FakeMetrics(every_s=0), "job", after_ns=0, within_s=0.01, every_s=0.001)
    assert await_scrape(FakeMetrics(), "job", after_ns=0, within_s=0.01, every_s=0.001)


# --------------------------------------------------------------------------------------------------------- faults


def test_a_fault_is_carried_out_at_its_time() -> None:
    """While the load plays, with the events that were in flight in the whole store."""
    world, began_ns = World(), time.time_ns()
    world.ledger.accept("another-run", 20)
    kill = Fault("kill", "process-worker", at_s=0.05)
    evidence = world.observe(replace(EXPERIMENT, warm_up=0.0, duration=0.3, faults=(kill,)))
    [fault] = evidence.faults
    assert began_ns + 0.04 * NANOS < fault.started_ns < evidence.load_run.window.end_ns
    assert (fault.kind, fault.service, fault.in_flight_events) == ("kill", "process-worker", 20)


def test_an_old_answer_does_not_say_what_is_in_flight() -> None:
    """It was given while the store was away."""
    world = World(FakeLedger(counted_per_view=0, staleness_ms=10_000), patience=HASTY)
    evidence = world.observe(replace(EXPERIMENT, faults=(Fault("kill", "redis", at_s=0.0),)))
    assert [fault.in_flight_events for fault in evidence.faults] == [0]


# ------------------------------------------------------------------------------------------------------- evidence


def test_every_series_begins_before_the_load_and_ends_after_the_last_commit() -> None:
    """The promised counters are among them."""
    evidence = World().observe()
    assert {series.name for series in evidence.series} == set(SYSTEM.series)
    assert {signal.prometheus_name for signal in PROMISED.values()} < set(SYSTEM.series)
    for series in evidence.series:
        assert series.time_s[0] * NANOS < evidence.load_run.window.start_ns
        assert series.time_s[-1] * NANOS > evidence.store.last_commit_ns


def test_only_deaths_since_the_load_began_are_evidence() -> None:
    """A stack that is kept may have seen others."""
    before, after = Death("simulator", "s", 1, 9, 0), Death("simulator", "s", time.time_ns() + 3600 * NANOS, 9, 0)
    world = World(deployment=FakeDeployment(deaths=(before, after)))
    assert world.observe().deaths == (after,)


def test_spans_are_read_up_to_the_last_commit() -> None:
    """The last batches are counted after the last answer to the sender."""
    world = World(FakeLedger(counted_per_view=7))
    evidence = world.observe()
    assert world.span_windows == [Window(evidence.load_run.window.start_ns, evidence.store.last_commit_ns)]
    assert evidence.spans == ({"file": "simulator.jsonl"},)


def test_the_rest_of_the_evidence_is_what_the_stack_says() -> None:
    """Aggregates, services, the store, the machine's own pauses."""
    evidence = World().observe()
    assert [total.count for total in (*evidence.totals, *evidence.windows)] == [200, 200]
    assert {status.name for status in evidence.statuses} == set(SERVICES)
    assert (evidence.store_facts.kind, evidence.pauses_s) == ("valkey", ((1.0, 0.2),))


# --------------------------------------------------------------------------------------------------------- record


def test_the_trial_holds_what_was_asked_and_when() -> None:
    """Parameters, defaults, the environment, and both ends of it."""
    world, began_ns = World(), time.time_ns()
    trial = world.run(notebook=NotebookParameters({"rate": 7.0}, {"rate": 100.0, "duration": 20.0}))
    assert trial is world.recorder.trial
    assert (trial.run_id, trial.experiment) == ("a-run", EXPERIMENT)
    assert (trial.parameters, trial.defaults) == ({"rate": 7.0}, {"rate": 100.0, "duration": 20.0})
    assert trial.environment == {"store": "valkey"}
    assert began_ns <= trial.started_ns < trial.evidence.load_run.window.start_ns < trial.ended_ns <= time.time_ns()


def test_nothing_was_lost_and_nothing_counted_twice() -> None:
    """The account of a stack that works is closed."""
    ledger = World(FakeLedger(counted_per_view=7)).run().ledger
    assert (ledger.acknowledged, ledger.counted, ledger.lost, ledger.double_counted, ledger.residual) == (
        200,
        200,
        0,
        0,
        0,
    )


def test_a_load_that_was_interrupted_is_recorded_so() -> None:
    """What was played until then is drained and judged like any other."""
    world = World(load_stops_early=True)
    trial = world.run()
    assert world.recorder.interrupted is True
    assert (trial.ledger.acknowledged, trial.ledger.counted) == (100, 100)


def test_a_whole_load_is_not_recorded_as_interrupted() -> None:
    """It came to its end."""
    world = World()
    world.run()
    assert world.recorder.interrupted is False


@pytest.mark.parametrize("load_fails", [None, DataFault("no file")])
@pytest.mark.parametrize("target_fails", [None, Unavailable("no store")])
def test_the_logs_are_handed_on_however_it_ends(load_fails: LabError | None, target_fails: LabError | None) -> None:
    """Those of a stack that never came up, too."""
    world = World(load_fails=load_fails, target_fails=target_fails)
    with suppress(LabError):
        world.run()
    assert (world.recorder.trial is None) == bool(load_fails or target_fails)
    assert set(world.recorder.handed_logs) == set(SERVICES)


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """The folder of a run that was begun."""
    return RunStore(tmp_path / "runs").new("a", notebook="", parameters={})


def recorded(world: World, run: RunFolder) -> Trial:
    """Carry out the experiment with a real record, as the wiring does."""
    with RunRecord(run, publish=lambda _: None) as record:
        return run_trial(EXPERIMENT, world.parts, record, NoDisplay())


def test_what_a_load_cannot_do_is_what_the_record_says(run: RunFolder) -> None:
    """The error leaves as it came, after the stack is down."""
    fault = DataFault("cannot play this load", found="row 7 has no time")
    world = World(load_fails=fault)
    with pytest.raises(DataFault) as raised:
        recorded(world, run)
    assert raised.value is fault
    assert world.diary[-1] == "down"
    assert (run.document()["status"], run.document()["reason"]) == ("failed", str(fault))


def test_a_second_ctrl_c_is_recorded_as_an_interruption(run: RunFolder) -> None:
    """The first one only ends the load."""
    with pytest.raises(KeyboardInterrupt):
        recorded(World(load_fails=KeyboardInterrupt()), run)
    assert run.document()["status"] == "interrupted"


def test_an_interrupted_load_is_in_the_record(run: RunFolder) -> None:
    """With what it had measured."""
    recorded(World(load_stops_early=True), run)
    assert (run.document()["status"], run.document()["ledger"]["counted"]) == ("interrupted", 100)


def test_the_lab_is_wired_with_what_breaks_its_deployments(tmp_path: Path) -> None:
    """The real injector is given the stack and the way to ask for events in flight, as the fake is."""
    deployment = FakeDeployment()
    injector = parts("processes", load_settings(state_dir=tmp_path)).faults(deployment, lambda: 3)
    assert injector.inject(Fault("kill", "redis", 0.0)).in_flight_events == 3
    assert deployment.done == ["kill redis"]
