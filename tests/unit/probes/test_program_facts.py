"""What the files of a stack tell of its programs: a table for each decision."""

from typing import Any, Final

import pytest

from lab.model import NANOS, Death
from lab.probes.program_facts import Reading, phase_of, ports_of, program_probe
from lab.snapshots.machine import StackPhase
from lab.snapshots.programs import ProgramProbe
from lab.targets.processes.plan import Program, Ready
from lab.targets.processes.state import Failure, Phase, ProgramState, StackState

NOW_S: Final = 1_000.0
SINCE_S: Final = 400.0
READ: Final = Reading(is_there=True, install="pip install it", telemetry={"OTEL_SDK_DISABLED": "true"}, log=("a", "b"))
STORE: Final = Program("redis", ("/bin/redis",), Ready("redis", "127.0.0.1:6390"), "redis.log", environment={"A": "1"})


def state(*programs: ProgramState, phase: Phase = "ready", **more: Any) -> StackState:
    """Return the state of a stack with these programs."""
    return StackState(phase, 1, 0, programs, **more)


def death(at_s: float, *, exit_code: int = 0, signal: int = 0, service: str = "redis") -> Death:
    """Return the death of a program."""
    return Death(service, "", round(at_s * NANOS), signal, exit_code)


def probed(told: StackState | None, *, program: Program = STORE, phase: StackPhase = "ready") -> ProgramProbe:
    """Return what is known of a program by the state of its stack."""
    return program_probe(program, told, READ, phase=phase, since=SINCE_S)


@pytest.mark.parametrize(
    ("told", "is_alive", "phase"),
    [
        (None, False, ""),
        (None, True, "starting"),
        (state(phase="starting"), True, "starting"),
        (state(phase="ready"), True, "ready"),
        (state(phase="stopping"), True, "stopping"),
        (state(phase="ready"), False, "orphaned"),
        (state(phase="stopping"), False, "orphaned"),
        (state(phase="stopped"), False, "stopped"),
        (state(phase="failed"), False, "failed"),
        (state(phase="failed"), True, "failed"),
    ],
)
def test_a_stack_without_its_supervisor_is_orphaned(
    told: StackState | None, phase: StackPhase, *, is_alive: bool
) -> None:
    """Unless it was stopped or has failed, which its supervisor wrote last."""
    assert phase_of(told, is_alive=is_alive) == phase


def test_what_was_read_is_kept() -> None:
    """A setting of the plan wins over the variable of the process."""
    probe = probed(None, program=STORE)
    assert (probe.program, probe.is_there, probe.install, probe.log) == (
        "/bin/redis",
        True,
        "pip install it",
        ("a", "b"),
    )
    assert probe.settings == {"OTEL_SDK_DISABLED": "true", "A": "1"}
    assert (probe.phase, probe.pid, probe.deaths, probe.gave_up) == ("waiting", 0, 0, False)


FAILED: Final = Failure("redis", "was ended by signal 9", 0)
REFUSED: Final = Failure("redis", "exited with 78", 78)


@pytest.mark.parametrize(
    ("deaths", "failure", "end"),
    [
        ((), None, (0, 0, "", False)),
        ((death(500, exit_code=1),), None, (1, 0, "", False)),
        ((death(500, exit_code=1), death(600, signal=11)), None, (0, 11, "", False)),
        ((death(500, exit_code=3, service="other"),), None, (0, 0, "", False)),
        ((death(500, exit_code=1),), FAILED, (0, 9, "was ended by signal 9", True)),
        ((), REFUSED, (78, 0, "exited with 78", True)),
        ((), Failure("other", "exited with 1", 1), (0, 0, "", False)),
    ],
    ids=["none", "exit", "newest", "of another", "given up by signal", "refuses its settings", "another given up"],
)
def test_the_last_end_counts(
    deaths: tuple[Death, ...], failure: Failure | None, end: tuple[int, int, str, bool]
) -> None:
    """A program that the supervisor gave up ended as the supervisor says."""
    probe = probed(state(deaths=deaths, failure=failure))
    assert (probe.exit_code, probe.signal, probe.error, probe.gave_up) == end


@pytest.mark.parametrize(
    ("at_s", "phase", "died_at"),
    [
        ((399.0,), "ready", 0.0),
        ((400.0,), "ready", 400.0),
        ((100.0, 500.0, 600.0), "failed", 500.0),
        ((500.0,), "stopping", 0.0),
        ((500.0,), "stopped", 0.0),
    ],
    ids=["long ago", "just so", "the first recent", "being stopped", "stopped"],
)
def test_the_first_recent_death_counts(at_s: tuple[float, ...], phase: StackPhase, died_at: float) -> None:
    """All deaths are counted; of a stack that was told to stop, none is recent."""
    probe = probed(state(deaths=tuple(map(death, at_s))), phase=phase)
    assert (probe.deaths, probe.died_at) == (len(at_s), died_at)


@pytest.mark.parametrize(
    ("ready", "addresses", "wanted"),
    [
        (Ready("redis", "127.0.0.1:6390"), {}, ("127.0.0.1:6390",)),
        (Ready("http", "http://127.0.0.1:9090/-/ready"), {}, ("127.0.0.1:9090",)),
        (Ready("redis", "127.0.0.1:6390"), {"redis": "127.0.0.1:6390"}, ("127.0.0.1:6390",)),
        (
            Ready("file", "/a/ready.json"),
            {"grpc": "127.0.0.1:7", "metrics": "127.0.0.1:8"},
            ("127.0.0.1:7", "127.0.0.1:8"),
        ),
        (Ready("once"), {}, ()),
    ],
    ids=["store", "metrics server", "same twice", "service", "runs once"],
)
def test_a_program_listens_where_it_says_or_wants_to(
    ready: Ready, addresses: dict[str, str], wanted: tuple[str, ...]
) -> None:
    """An address is named once."""
    program = Program("redis", ("/bin/redis",), ready, "redis.log")
    assert probed(state(ProgramState("redis", addresses=addresses)), program=program).addresses == wanted


def test_a_program_is_ready_since_it_became_so() -> None:
    """One that is being started again is not."""
    ready = ProgramState("redis", "ready", pid=7, ready_ns=round(NOW_S * NANOS))
    again = ProgramState("redis", "starting", pid=8, ready_ns=round(NOW_S * NANOS))
    assert [probed(state(told)).ready_at for told in (ready, again)] == [NOW_S, 0.0]


@pytest.mark.parametrize(
    ("program", "ports"),
    [
        (ProgramProbe("a", pid=7, addresses=("127.0.0.1:6390",)), set()),
        (ProgramProbe("a", addresses=("127.0.0.1:6390",)), {6390}),
        (ProgramProbe("a", log=("bind: 127.0.0.1:9090: address already in use",)), {9090}),
        (ProgramProbe("a", log=("127.0.0.1:9090", *["later"] * 30)), set()),
        (ProgramProbe("a", log=("at 12:30:59", "no port")), {30, 59}),
    ],
    ids=["runs", "wants a port", "names a port", "named it long ago", "a time looks like ports"],
)
def test_ports_of_programs_that_do_not_run_are_looked_for(program: ProgramProbe, ports: set[int]) -> None:
    """Too many hurt nobody: who does not listen is not found."""
    assert ports_of((program,)) == ports
