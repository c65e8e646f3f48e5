"""An experiment that makes no sense is refused before anything starts, and its field is named."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from lab import questions
from lab.errors import Unavailable, UsageFault
from lab.load.profiles import load
from lab.model import Burst, Constant, Experiment, Fault, Load, Ramp, Step, Synthetic
from lab.systems.services import SERVICES
from lab.trials.possible import LEAST_FILES, refuse_few_files, refuse_impossible, refuse_senseless
from tests.fakes.target import FakeDeployment, FakeTarget

STACK = FakeDeployment()
SOUND = Experiment("a", Load(Synthetic(), Constant(500.0)), (questions.nothing_lost(),))


@pytest.mark.parametrize("field", ["duration", "warm_up", "window_s"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -3, 1e300, "5", None, True])
def test_a_length_is_a_number_of_seconds(field: str, value: Any) -> None:
    """At most a day."""
    with pytest.raises(UsageFault, match=f"^{field}: ") as refused:
        refuse_senseless(replace(SOUND, **{field: value}))
    assert (refused.value.exit_code, len(str(refused.value).splitlines())) == (64, 1)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"duration": 0}, "duration: 0 must be above 0"),
        ({"window_s": 1e-9}, "window_s: 1e-09 must be 0, or at least 0.001"),
        ({"name": 5}, "name: 5 is a int, not a text"),
        ({"target": None}, "target: None is nothing, not a text"),
        ({"load": 500}, "load: 500 is no load"),
        ({"load": Load(Synthetic(), Constant(1e300))}, "rate: 1e.300 events/s for 20 s are too many"),
        ({"load": Load(Synthetic(), Step((1e300, 1.0)))}, "are too many"),
        ({"load": Load(Synthetic(), Constant(math.nan))}, "rate: nan is not a finite number"),
        ({"load": Load(Synthetic(), Constant(1e6), batch_events=1)}, "are too many"),
        ({"load": Load(Synthetic(), Constant(1.0), batch_events=-1)}, "batch_events: -1 must be at least 0"),
        ({"objectives": questions.nothing_lost()}, "objectives: .* is not a list"),
        ({"objectives": ["p99"]}, "objectives: 'p99' is no objective"),
        ({"faults": ["kill"]}, "faults: 'kill' is no fault"),
        ({"settings": [1]}, r"settings: \[1\] is no mapping"),
        ({"settings": {"LAB_WORKER_COST_US": 5}}, "LAB_WORKER_COST_US: 5 is a int, not a text"),
    ],
)
def test_a_field_is_named_with_its_value(changes: dict[str, Any], words: str) -> None:
    """And with what is needed."""
    with pytest.raises(UsageFault, match=words):
        refuse_senseless(replace(SOUND, **changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"window_s": 1e-9},
        {"objectives": 7},
        {"objectives": [None]},
        {"faults": {"kill": 1}},
        {"faults": (1,)},
        {"settings": "LAB_X=1"},
        {"load": "synthetic"},
        {"load": Load(Synthetic(), Constant(1e300))},
    ],
)
def test_a_refusal_says_what_to_do_next(changes: dict[str, Any]) -> None:
    """And what is wrong with the value, in at most five lines."""
    with pytest.raises(UsageFault) as refused:
        refuse_senseless(replace(SOUND, **changes))
    assert refused.value.found
    assert refused.value.next_step
    assert len(str(refused.value).splitlines()) <= 5


def refusal_of(experiment: Experiment, refuse: Callable[[Experiment], None] = refuse_senseless) -> str:
    """Return why an experiment is refused; empty where it is not."""
    try:
        refuse(experiment)
    except UsageFault as fault:
        return str(fault)
    return ""


@pytest.mark.parametrize(
    "shape",
    [Constant(1e6), Ramp(0.0, 1e6), Step((0.0, 5.0)), Burst(1.0, 1e6, 3_600.0, 1.0), None],
)
def test_what_makes_sense_is_let_through(shape: Any) -> None:
    """A short burst is no high rate, and a replayed file has a pace of its own."""
    loaded = replace(SOUND, load=Load(Synthetic(), shape), faults=(Fault("kill", "redis", 1.0),))
    assert refusal_of(loaded) == ""
    assert refusal_of(replace(SOUND, duration=86_400, warm_up=0, window_s=0.001)) == ""


def test_only_an_experiment_can_be_run() -> None:
    """The next step shows how it is made."""
    nothing: Any = "baseline"
    with pytest.raises(UsageFault, match="'baseline' is no experiment"):
        refuse_senseless(nothing)


@pytest.mark.parametrize("value", ["5e3", None, True, math.nan, math.inf, 0, -1, 1e300])
def test_a_bound_of_an_objective_is_a_number(value: Any) -> None:
    """Above 0, and one that some run could miss."""
    for refused in (
        lambda: questions.latency(below_ms=value),
        lambda: questions.recovered(within_s=value),
        lambda: questions.throughput(at_least=value),
        lambda: questions.pause("redis", at_s=1.0, seconds=value),
    ):
        with pytest.raises(UsageFault):
            refused()


@pytest.mark.parametrize("value", ["1", None, math.nan, -1, 1e300])
def test_the_time_of_a_fault_is_a_number(value: Any) -> None:
    """From the beginning of the measurement on."""
    with pytest.raises(UsageFault, match=r"^at_s: "):
        questions.kill("redis", at_s=value)


@pytest.mark.parametrize(
    "declared",
    [
        lambda: questions.delete_pod("redis", at_s=1.0),
        lambda: questions.delete_pod("redis", at_s=1.0, architecture="arm64"),
        lambda: questions.scale("redis", architecture="amd64", replicas=0, at_s=1.0, seconds=2.0),
        lambda: questions.scale("redis", architecture="amd64", replicas=2, at_s=1.0, seconds=2.0),
        lambda: refuse_impossible(replace(SOUND, faults=(Fault("delete-pod", "redis", 1.0),)), FakeTarget(STACK)),
        lambda: refuse_impossible(replace(SOUND, faults=(Fault("scale", "redis", 1.0),)), FakeTarget(STACK)),
    ],
)
def test_the_pod_of_the_store_stays(declared: Callable[[], object]) -> None:
    """The ledger of the run is in it; also a fault that no function of the lab declared is refused before the start."""
    with pytest.raises(UsageFault, match="redis") as refused:
        declared()
    assert "the ledger of the run" in refused.value.found
    assert "lab.kill" in refused.value.next_step
    assert (refused.value.exit_code, len(str(refused.value).splitlines())) == (64, 3)


@pytest.mark.parametrize("service", SERVICES)
def test_a_pod_of_any_service_may_go(service: str) -> None:
    """And the store may be killed or paused, which costs no data."""
    faults = (
        questions.delete_pod(service, at_s=1.0),
        questions.scale(service, architecture="amd64", replicas=0, at_s=1.0, seconds=2.0),
        questions.kill("redis", at_s=1.0),
        questions.pause("redis", at_s=1.0, seconds=2.0),
    )
    broken = replace(SOUND, faults=faults)
    assert refusal_of(broken, lambda experiment: refuse_impossible(experiment, FakeTarget(STACK))) == ""


@pytest.mark.parametrize(
    ("service", "kind"), [("postgres", "kill"), ("", "pause"), ("Redis", "delete-pod"), ("redis-amd64", "scale")]
)
def test_a_program_that_is_none_is_not_broken(service: str, kind: str) -> None:
    """The message names those that can be."""
    declared = {
        "kill": lambda: questions.kill(service, at_s=1.0),
        "pause": lambda: questions.pause(service, at_s=1.0, seconds=1.0),
        "delete-pod": lambda: questions.delete_pod(service, at_s=1.0),
        "scale": lambda: questions.scale(service, architecture="amd64", replicas=0, at_s=1.0, seconds=1.0),
    }
    with pytest.raises(UsageFault, match=f"cannot break '{service}'") as refused:
        declared[kind]()
    assert "process-worker" in refused.value.found


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"source": False}, "source: False is a truth value, not a text"),
        ({"rate": "5e3"}, "rate: '5e3' is a text, not a number"),
        ({"seed": 1.5}, "seed: 1.5 is a float, not a whole number"),
        ({"batch_events": "10"}, "batch_events: '10' is a text, not a whole number"),
        ({"source": "replay", "speed": 2}, "speed: 2 is a int, not a text"),
        ({"shape": 5}, "shape: '5' is no shape of a load"),
        ({"shape": Constant("5")}, "shape: '5' is a text, not a number"),  # type: ignore[arg-type]
    ],
)
def test_a_load_of_the_wrong_kind_is_named(arguments: dict[str, Any], words: str) -> None:
    """As YAML or papermill may give it."""
    with pytest.raises(UsageFault, match=words):
        load(**arguments)


def test_a_shell_that_allows_few_open_files_is_named() -> None:
    """Before a part of the run finds out."""
    refuse_few_files(LEAST_FILES)
    refuse_few_files(-1)
    with pytest.raises(Unavailable, match="too few open files") as refused:
        refuse_few_files(48)
    assert (refused.value.exit_code, refused.value.next_step) == (69, "ulimit -n 4096")
