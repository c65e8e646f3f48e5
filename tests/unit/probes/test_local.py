"""A snapshot of this machine tells what the files of a stack tell, and what a stack would start."""

import os
import socket
from pathlib import Path

import pytest

from lab.diagnosis.diagnose import diagnose
from lab.model import NANOS, Death
from lab.probes.local import LocalSnapshots
from lab.settings import LabSettings, environment_with
from lab.snapshots.snapshot import Snapshot
from lab.targets.processes.folder import StackFolder
from lab.targets.processes.locks import Lock
from lab.targets.processes.plan import Plan, Program, Ready, write_plan
from lab.targets.processes.state import Failure, ProgramState, StackState, write_state
from lab.wiring import dependencies

PYTHON = "/bin/sh"
NOW_NS = 1_795_000_000 * NANOS


def settings(tmp_path: Path, **given: object) -> LabSettings:
    """Return settings that keep everything below one folder."""
    places = {"state_dir": tmp_path / "state", "runs_dir": tmp_path / "runs", "cache_dir": tmp_path / "cache"}
    return LabSettings.model_validate(places | given)


def source(settings: LabSettings, folder: Path | None = None) -> LocalSnapshots:
    """Return the source of snapshots of a stack on this machine."""
    return LocalSnapshots(settings, folder, dependencies=dependencies(settings))


def planted(tmp_path: Path, state: StackState | None, *, port: int = 6390) -> StackFolder:
    """Return the folder of a stack of a store and bootstrap, as a supervisor leaves it."""
    folder = StackFolder(tmp_path / "stack")
    folder.make()
    store = Program("redis", (PYTHON,), Ready("redis", f"127.0.0.1:{port}"), str(folder.log_of("redis")))
    bootstrap = Program(
        "bootstrap",
        (PYTHON,),
        Ready("once"),
        str(folder.log_of("bootstrap")),
        after=("redis",),
        environment={"LAB_REDIS_URL": f"redis://127.0.0.1:{port}/0"},
    )
    write_plan(folder.plan, Plan((store, bootstrap), redis_url=f"redis://127.0.0.1:{port}/0"))
    if state is not None:
        write_state(folder.state, state)
    return folder


def stack(
    phase: str, *programs: ProgramState, deaths: tuple[Death, ...] = (), failure: Failure | None = None
) -> StackState:
    """Return the state of a stack."""
    return StackState(phase, 1, NOW_NS, programs, deaths=deaths, failure=failure)  # type: ignore[arg-type]


def taken(tmp_path: Path, folder: StackFolder, **given: object) -> Snapshot:
    """Return a snapshot of the stack in a folder."""
    return source(settings(tmp_path, **given), folder.root).take()


def test_a_failed_stack_tells_its_programs_and_its_deaths(tmp_path: Path) -> None:
    """The store died before bootstrap, which needed it; a later start says so only of bootstrap."""
    death = Death("redis", "", NOW_NS, 0, 1)
    failure = Failure("bootstrap", "exited with 69", 69, ("bootstrap: STORE_UNREACHABLE",))
    state = stack(
        "failed",
        ProgramState("redis", "stopped"),
        ProgramState("bootstrap", "stopped"),
        deaths=(death,),
        failure=failure,
    )
    folder = planted(tmp_path, state)
    folder.log_of("redis").write_text("# Bad file format reading the append only file\n")
    folder.log_of("bootstrap").write_text("bootstrap: STORE_UNREACHABLE\nredis 127.0.0.1:6390: Connection refused.\n")
    # The state of a stack that has ended was written last when it ended.
    end = NOW_NS / NANOS + 1.0
    os.utime(folder.state, (end, end))
    snapshot = taken(tmp_path, folder)
    assert (snapshot.is_local, snapshot.moment, snapshot.namespace) == (True, "after", "")
    assert snapshot.machine is not None
    assert (snapshot.machine.stack, snapshot.machine.stack_dir) == ("failed", str(folder.root))
    store, bootstrap = snapshot.programs
    assert (store.exit_code, store.deaths, store.died_at) == (1, 1, NOW_NS / NANOS)
    assert store.addresses == ("127.0.0.1:6390",)
    assert store.log == ("# Bad file format reading the append only file",)
    assert (bootstrap.gave_up, bootstrap.exit_code, bootstrap.error) == (True, 69, "exited with 69")
    assert bootstrap.after == ("redis",)
    assert snapshot.probes.store is None, "the store is the stack's own, and has no process"
    [finding] = diagnose(snapshot)
    assert (finding.cause, finding.object) == ("not-ready", "Program/redis")
    assert "Bad file format" in finding.found


def test_a_stack_whose_supervisor_is_gone_is_orphaned(tmp_path: Path) -> None:
    """Its state still says that it is ready."""
    folder = planted(tmp_path, stack("ready", ProgramState("redis", "ready", pid=0), ProgramState("bootstrap", "done")))
    snapshot = taken(tmp_path, folder)
    assert snapshot.machine is not None
    assert snapshot.machine.stack == "orphaned"
    assert [finding.cause for finding in diagnose(snapshot)] == ["stack-orphaned"]


def test_a_stack_that_was_stopped_has_no_deaths(tmp_path: Path) -> None:
    """Whatever died in it before."""
    death = Death("redis", "", NOW_NS, 9, 0)
    programs = (ProgramState("redis", "stopped"), ProgramState("bootstrap", "stopped"))
    folder = planted(tmp_path, stack("stopped", *programs, deaths=(death,)))
    assert diagnose(taken(tmp_path, folder)) == ()


def test_a_stack_that_is_being_started_is_starting(tmp_path: Path) -> None:
    """Its lock is held, and no state is written yet."""
    folder = planted(tmp_path, None)
    lock = Lock(folder.lock)
    snapshot = taken(tmp_path, folder)
    lock.release()
    assert snapshot.machine is not None
    assert snapshot.machine.stack == "starting"
    assert [program.name for program in snapshot.programs] == ["redis", "bootstrap"]


def test_who_listens_on_a_port_that_a_program_wants_is_named(tmp_path: Path) -> None:
    """By its process and its command."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        failure = Failure("redis", "exited with 1", 1)
        folder = planted(tmp_path, stack("failed", ProgramState("redis", "stopped"), failure=failure), port=port)
        text = f"Could not create server TCP listening socket 127.0.0.1:{port}: bind: Address already in use\n"
        folder.log_of("redis").write_text(text)
        snapshot = taken(tmp_path, folder)
    assert snapshot.machine is not None
    [listener] = snapshot.machine.listeners
    assert (listener.port, listener.pid > 0) == (port, True)
    [finding] = diagnose(snapshot)
    assert (finding.cause, finding.do) == ("port-taken", "lab up")
    assert f"process {listener.pid} ({listener.command}) listens on it" in finding.found


def test_files_that_cannot_be_read_are_no_stack(tmp_path: Path) -> None:
    """A plan may be half of another version."""
    folder = planted(tmp_path, None)
    folder.plan.write_text("{}")
    snapshot = taken(tmp_path, folder)
    assert snapshot.machine is not None
    assert snapshot.machine.stack == ""


def test_a_machine_without_a_stack_tells_what_would_be_started(tmp_path: Path) -> None:
    """The store that comes with the lab, and a Prometheus where there is one."""
    snapshot = source(settings(tmp_path)).take()
    assert snapshot.machine is not None
    machine = snapshot.machine
    assert (machine.system, machine.stack, machine.state_free_bytes > 0) == ("Linux", "", True)
    assert 0 < machine.memory_available_bytes <= machine.memory_bytes
    store = snapshot.program("redis")
    assert store is not None
    assert (store.is_there, store.version.split(" ")[0]) == (True, "valkey")


@pytest.mark.parametrize(
    ("given", "name", "error"),
    [
        ({"redis_server": "path", "hide_path_servers": True}, "redis", "no redis-server on PATH"),
        ({"prometheus": "/nowhere/prometheus"}, "prometheus", "No such file or directory"),
        ({"hide_path_servers": True}, "prometheus", "not on PATH"),
    ],
)
def test_a_program_that_cannot_be_started_tells_why(
    given: dict[str, object], name: str, error: str, tmp_path: Path
) -> None:
    """Before and after alike."""
    for moment in ("before", "after"):
        program = source(settings(tmp_path, **given)).take(moment).program(name)
        assert program is not None
        assert program.is_there is False
        assert error in program.error


def test_servers_that_the_settings_name_are_asked_and_not_started(tmp_path: Path) -> None:
    """Nobody listens there."""
    urls = {"redis_url": "redis://127.0.0.1:1/0", "prometheus_url": "http://127.0.0.1:1"}
    snapshot = source(settings(tmp_path, **urls)).take("before")
    assert snapshot.programs == ()
    assert snapshot.probes.store is not None
    assert snapshot.probes.prometheus is not None
    assert (snapshot.probes.store.reachable, snapshot.probes.prometheus.reachable) == (False, False)


def test_variables_that_lead_telemetry_elsewhere_are_part_of_it(tmp_path: Path) -> None:
    """And settings of services; headers with secrets are not."""
    variables = {"OTEL_METRICS_EXPORTER": "none", "OTEL_EXPORTER_OTLP_HEADERS": "x=y", "LAB_WORKER_COST_US": "5"}
    with environment_with(**variables):
        chosen = source(settings(tmp_path)).take("before").settings
    assert chosen is not None
    assert chosen.environment == {"OTEL_METRICS_EXPORTER": "none", "LAB_WORKER_COST_US": "5"}


def test_only_the_end_of_a_log_is_kept(tmp_path: Path) -> None:
    """A kept stack's log grows for weeks."""
    folder = planted(
        tmp_path, stack("failed", ProgramState("redis", "stopped"), failure=Failure("redis", "exited with 1", 1))
    )
    folder.log_of("redis").write_text("\n".join(f"line {number}" for number in range(100_000)))
    log = taken(tmp_path, folder).programs[0].log
    assert (len(log), log[-1]) == (200, "line 99999")


def test_a_snapshot_is_dated_by_its_clock(tmp_path: Path) -> None:
    """Ages in a diagnosis are counted from that time."""
    given = settings(tmp_path)
    source = LocalSnapshots(given, dependencies=dependencies(given), clock=lambda: 1_795_000_000.0)
    assert [source.take(moment).taken_at for moment in ("before", "after")] == [1_795_000_000.0] * 2
