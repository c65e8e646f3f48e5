"""The parts of a starting stack are reported in order, the store first."""

import json
from pathlib import Path

import pytest

from lab.model import NANOS
from lab.systems.services import SERVICES
from lab.targets.processes.folder import StackFolder
from lab.targets.processes.plan import BOOTSTRAP, METRICS, STORE, Plan, Program, Ready, write_plan
from lab.targets.processes.stages import Stages
from lab.targets.processes.state import ProgramPhase, ProgramState, StackState

Reported = list[tuple[str, str, float]]


def program(
    name: str, phase: ProgramPhase, *, started_s: int = 0, ready_s: int = 0, last_line: str = ""
) -> ProgramState:
    """Return the state of a program; times in seconds."""
    return ProgramState(name, phase, started_ns=started_s * NANOS, ready_ns=ready_s * NANOS, last_line=last_line)


def bootstrap(kind: str, version: str, durability: str) -> str:
    """Return the last line that bootstrap prints."""
    return json.dumps({"kind": kind, "version": version, "durability": durability})


STORE_UP = (
    program(STORE, "ready", started_s=1, ready_s=2),
    program(BOOTSTRAP, "done", started_s=2, ready_s=4, last_line=bootstrap("valkey", "9.1.2", "durable")),
)
METRICS_UP = (program(METRICS, "ready", started_s=1, ready_s=6),)
SERVICES_UP = tuple(
    program(name, "ready", started_s=4 + number, ready_s=10 - number) for number, name in enumerate(SERVICES)
)


@pytest.fixture
def reported() -> Reported:
    """Return the list that stages are reported into."""
    return []


@pytest.fixture
def folder(tmp_path: Path) -> StackFolder:
    """Return the folder of a stack whose metrics server cannot be asked for its version."""
    folder = StackFolder(tmp_path)
    metrics = Program(METRICS, (str(tmp_path / "absent"),), Ready("http"), "prometheus.log")
    plan = Plan(
        (metrics,),
        scrape_dir="/targets",
        redis_url="redis://127.0.0.1:15001/0",
        prometheus_url="http://127.0.0.1:15002",
    )
    write_plan(folder.plan, plan)
    return folder


def stages(folder: StackFolder, reported: Reported) -> Stages:
    """Return stages that are reported into a list."""
    return Stages(folder, lambda stage, message, seconds: reported.append((stage, message, seconds)))


def state(*programs: ProgramState) -> StackState:
    """Return the state of a starting stack."""
    return StackState("starting", 1, 0, programs)


def test_every_stage_is_reported_once_and_in_order(folder: StackFolder, reported: Reported) -> None:
    """The seconds count from the start of its first program to the readiness of its last."""
    stage = stages(folder, reported)
    starting = (program(METRICS, "starting"),)
    for programs in (starting, STORE_UP + starting, STORE_UP + METRICS_UP, STORE_UP + METRICS_UP + SERVICES_UP):
        stage.tell(state(*programs))
        stage.tell(state(*programs))
    assert reported == [
        ("store", "valkey 9.1.2 on 127.0.0.1:15001, durable (fsync always)", 3.0),
        ("metrics", "prometheus on 127.0.0.1:15002", 5.0),
        ("services", "ingest-api ✓  process-worker ✓  query-api ✓  simulator ✓", 6.0),
    ]


def test_what_is_ready_early_waits_for_its_turn(folder: StackFolder, reported: Reported) -> None:
    """The order is always the same."""
    stage = stages(folder, reported)
    stage.tell(state(*METRICS_UP, *SERVICES_UP))
    assert reported == []
    stage.tell(state(*STORE_UP, *METRICS_UP, *SERVICES_UP))
    assert [name for name, _, _ in reported] == ["store", "metrics", "services"]


@pytest.mark.parametrize("phase", ["waiting", "starting", "ready"])
def test_the_store_is_reported_when_it_is_prepared(
    folder: StackFolder, reported: Reported, phase: ProgramPhase
) -> None:
    """A server without bootstrap is not enough."""
    stages(folder, reported).tell(state(STORE_UP[0], program(BOOTSTRAP, phase)))
    assert reported == []


def test_services_are_reported_when_the_last_one_is_ready(folder: StackFolder, reported: Reported) -> None:
    """Three ready services of four are not reported."""
    late = program(SERVICES[-1], "starting")
    stages(folder, reported).tell(state(*STORE_UP, *METRICS_UP, *SERVICES_UP[:-1], late))
    assert [name for name, _, _ in reported] == ["store", "metrics"]


@pytest.mark.parametrize(
    ("last_line", "message"),
    [
        (
            bootstrap("redis", "7.0.15", "window"),
            "redis 7.0.15 on 127.0.0.1:15001, NOT durable: the last writes can be lost",
        ),
        (
            bootstrap("redis", "7.0.15", "volatile"),
            "redis 7.0.15 on 127.0.0.1:15001, NOT durable: everything can be lost",
        ),
        ("", "unknown on 127.0.0.1:15001, durability unknown"),
    ],
)
def test_a_store_that_may_lose_something_says_so(
    folder: StackFolder, reported: Reported, last_line: str, message: str
) -> None:
    """An unreadable line makes the durability unknown. A store of the user's own has no program in the stack."""
    stages(folder, reported).tell(state(program(BOOTSTRAP, "done", started_s=2, ready_s=4, last_line=last_line)))
    assert reported[0] == ("store", message, 2.0)


def test_a_metrics_server_of_the_users_own_is_told_what_to_scrape(folder: StackFolder, reported: Reported) -> None:
    """Nothing starts, so it takes no time."""
    stages(folder, reported).tell(state(*STORE_UP))
    assert reported[1] == (
        "metrics", "prometheus at http://127.0.0.1:15002; let it scrape (file_sd) /targets/*.json", 0.0,
    )  # fmt: skip
