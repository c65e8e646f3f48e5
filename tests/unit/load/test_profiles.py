"""Which loads a notebook may ask for, and which are refused."""

import itertools
import math
from pathlib import Path

import pytest

from lab.errors import DataFault, UsageFault
from lab.load.messages import run_load_request
from lab.load.port import LoadOrder
from lab.load.profiles import load
from lab.model import Burst, Constant, Host, Load, Poisson, Ramp, Replay, Shape, Source, Step, Synthetic, Trace
from services.serving.invalid import InvalidRequest
from services.simulator.request import read_schedule

SHAPES = (
    Constant(5),
    Poisson(5, seed=3),
    Step((0, 5)),
    Ramp(5, 0),
    Burst(0, 5, 1.0, 0.5),
    Burst(5, 0, 1.0, 0.5),
    Trace((0.0, 0.5, 0.5)),
)
SENSELESS = (
    Constant(0),
    Constant(-1),
    Constant(math.inf),
    Poisson(0),
    Poisson(math.nan),
    Step(()),
    Step((0, 0)),
    Step((5, -1)),
    Ramp(0, 0),
    Ramp(5, math.nan),
    Burst(0, 0, 1.0, 0.5),
    Burst(-1, 5, 1.0, 0.5),
    Burst(0, 5, 1.0, 0.0),
    Burst(0, 5, 1.0, 1.0),
    Burst(0, 5, 1.0, 2.0),
    Burst(0, 5, math.inf, 1.0),
    Trace(()),
    Trace((0.5, 0.0)),
    Trace((-0.5, 0.0)),
)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Return a file that can be replayed."""
    path = tmp_path / "table.csv"
    path.write_text("time,source,kind,value\n2026-01-01T00:00:00Z,pi,temp,1\n")
    return path


# --------------------------------------------------------------------------------------------------- what may be asked


@pytest.mark.parametrize(
    ("source", "made"), [("synthetic", Load(Synthetic(), Constant(1_000))), ("host", Load(Host(), Constant(500)))]
)
def test_a_source_has_a_rate_of_its_own(source: str, made: Load) -> None:
    """A rate of 0 means that rate."""
    assert load(source) == load(source, rate=0) == made


def test_a_replay_keeps_the_pace_of_its_file(table: Path) -> None:
    """A replay has no shape, unless a rate or a shape is given."""
    assert load("replay", path=str(table)) == Load(Replay(str(table)), None)
    assert load("replay", path=str(table), rate=7).shape == Constant(7)
    assert load("replay", path=str(table), shape=Ramp(1, 2)).shape == Ramp(1, 2)


@pytest.mark.parametrize("speed", ["", "2", "0.5", "max"])
def test_a_replay_may_be_faster_or_slower(table: Path, speed: str) -> None:
    """By a factor, or as fast as it goes."""
    assert load("replay", path=str(table), speed=speed, columns="value=v").source == Replay(
        str(table), "value=v", speed
    )


def test_the_path_is_made_absolute(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The simulator runs in another folder."""
    monkeypatch.chdir(table.parent)
    monkeypatch.setenv("HOME", str(table.parent))
    for given in (table.name, f"~/{table.name}"):
        assert load("replay", path=given).source == Replay(str(table))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("source", ["synthetic", "host"])
def test_a_shape_stands_in_place_of_a_rate(source: str, shape: Shape) -> None:
    """The shape stays as it was given."""
    assert load(source, shape=shape).shape == shape


def test_the_seed_is_of_synthetic_events() -> None:
    """Up to the largest that a message can hold."""
    sources: list[Source] = [load(seed=seed).source for seed in (7, 2**64 - 1)]
    assert sources == [Synthetic(seed=7), Synthetic(seed=2**64 - 1)]


@pytest.mark.parametrize("events", [0, 1, 5_000])
def test_a_batch_holds_up_to_five_thousand_events(events: int) -> None:
    """0 leaves the size to the rate."""
    assert load(batch_events=events).batch_events == events


# ------------------------------------------------------------------------------------------------- what makes no sense


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("synthetc", 'no source "synthetc".*there are: synthetic, host, replay.*did you mean "synthetic"?'),
        ("kafka", 'no source "kafka".*do: source="synthetic"'),
        ("", 'no source "".*do: source="synthetic"'),
    ],
)
def test_an_unknown_source_is_refused_by_name(source: str, says: str) -> None:
    """With a suggestion, if a name is close."""
    with pytest.raises(UsageFault, match=f"(?s){says}"):
        load(source)


@pytest.mark.parametrize("rate", [-1, math.nan, math.inf])
def test_a_rate_is_a_positive_number(rate: float) -> None:
    """Or 0, for the default."""
    with pytest.raises(UsageFault, match=f"rate: {rate:g} must be a positive number"):
        load(rate=rate)


def test_a_rate_and_a_shape_are_two_answers_to_one_question() -> None:
    """The next step leaves the rate out."""
    with pytest.raises(UsageFault, match=r"(?s)a rate or a shape, not both.*do: leave out rate=7"):
        load(rate=7, shape=Constant(7))


@pytest.mark.parametrize("shape", SENSELESS, ids=str)
def test_a_shape_without_a_load_is_refused(shape: Shape) -> None:
    """With the rule, and with the shape itself."""
    with pytest.raises(UsageFault, match="offers no load") as raised:
        load(shape=shape)
    assert str(shape) in str(raised.value)
    assert "rates must be finite" in raised.value.found


def test_a_long_shape_is_shown_in_brief() -> None:
    """A trace may have a million offsets."""
    with pytest.raises(UsageFault) as raised:
        load(shape=Trace(tuple(float(-number) for number in range(1_000))))
    assert all(len(line) < 150 for line in str(raised.value).splitlines())


@pytest.mark.parametrize("events", [-1, 5_001])
def test_a_batch_that_no_call_could_hold_is_refused(events: int) -> None:
    """The message names the limit."""
    with pytest.raises(UsageFault, match=f"batch_events: {events} must be 0 .* to 5,000"):
        load(batch_events=events)


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_a_seed_that_cannot_travel_is_refused(seed: int) -> None:
    """The seed of the events as well as that of the gaps between them."""
    says = f"seed: {seed} must be 0 to 2\\^64 - 1"
    with pytest.raises(UsageFault, match=says):
        load(seed=seed)
    with pytest.raises(UsageFault, match=says):
        load(shape=Poisson(5, seed=seed))


@pytest.mark.parametrize(
    ("source", "options", "says"),
    [
        ("synthetic", {"path": "a.csv"}, "path: only a replay takes that, not synthetic"),
        ("host", {"speed": "2", "columns": "value=v"}, "columns and speed: only a replay takes that, not host"),
    ],
)
def test_options_of_a_file_need_a_replay(source: str, options: dict[str, str], says: str) -> None:
    """All that were given are named."""
    path, columns, speed = (options.get(name, "") for name in ("path", "columns", "speed"))
    with pytest.raises(UsageFault, match=says):
        load(source, path=path, columns=columns, speed=speed)


@pytest.mark.parametrize(("rate", "shape"), [(7.0, None), (0.0, Constant(7))])
def test_a_replay_takes_a_rate_or_a_speed(table: Path, rate: float, shape: Shape | None) -> None:
    """Each of them would set the times of the events."""
    with pytest.raises(UsageFault, match="replay takes a rate or a speed, not both"):
        load("replay", path=str(table), rate=rate, shape=shape, speed="2")


@pytest.mark.parametrize("speed", ["0", "-1", "nan", "inf", "fast"])
def test_a_speed_is_a_positive_factor(table: Path, speed: str) -> None:
    """Or `max`, or empty."""
    with pytest.raises(UsageFault, match=f'speed: "{speed}" must be a positive factor'):
        load("replay", path=str(table), speed=speed)


def test_a_replay_needs_a_file() -> None:
    """The next step shows how it is named."""
    with pytest.raises(UsageFault, match=r"(?s)replay needs a file.*do: path="):
        load("replay")


@pytest.mark.parametrize(("name", "says"), [("absent.csv", "absent.csv does not exist"), ("", " is a folder")])
def test_a_path_without_a_file_is_refused_by_its_name(tmp_path: Path, name: str, says: str) -> None:
    """A fault of the data, not of the call."""
    with pytest.raises(DataFault, match=says) as raised:
        load("replay", path=str(tmp_path / name))
    assert raised.value.reason == "NO_FILE"


# ---------------------------------------------------------------------------------------------- one rule on both sides


def simulator_accepts(shape: Shape) -> bool:
    """Return whether the simulator accepts a shape for one second."""
    request = run_load_request(LoadOrder("a-run", Load(Synthetic(), shape), 1.0), ingest_address="127.0.0.1:1")
    try:
        read_schedule(request.profile)
    except InvalidRequest:
        return False
    return True


def lab_accepts(shape: Shape) -> bool:
    """Return whether the lab accepts a shape."""
    try:
        load(shape=shape)
    except UsageFault:
        return False
    return True


@pytest.mark.parametrize("shape", [*SHAPES, *SENSELESS], ids=str)
def test_the_lab_refuses_what_the_simulator_would(shape: Shape) -> None:
    """And nothing else, before a stack is deployed."""
    assert lab_accepts(shape) == simulator_accepts(shape)


def test_both_sides_agree_on_every_burst() -> None:
    """Rates of 0, and bursts as long as their period."""
    rates, times = (-1.0, 0.0, 5.0), (-0.5, 0.0, 0.5, 1.0)
    for base, peak, period_s, burst_s in itertools.product(rates, rates, times, times):
        shape = Burst(base, peak, period_s, burst_s)
        assert lab_accepts(shape) == simulator_accepts(shape), shape
