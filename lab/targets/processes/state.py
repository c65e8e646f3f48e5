"""Holds the state of a stack, a file that the supervisor replaces at every change."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from lab.files import write_text
from lab.model import Death, StoreFacts
from lab.targets.processes.plan import BOOTSTRAP
from lab.targets.processes.stored import known, readable

Phase = Literal["starting", "ready", "stopping", "stopped", "failed"]
ProgramPhase = Literal["waiting", "starting", "ready", "done", "stopped"]
UNKNOWN_STORE: Final = StoreFacts("unknown", "", "unknown")


@dataclass(frozen=True, slots=True)
class ProgramState:
    """The state of a program.

    Attributes:
        name: As in the plan.
        phase: `waiting`: for programs that it needs, or for its next start; `done`: it ran once and exited with 0.
        pid: Id of the process; 0 without a process.
        instance_id: The identity that the program announced; empty when it announced none.
        addresses: Kind (`grpc`, `health`, `metrics`) → host:port.
        started_ns: When the process was started, nanoseconds since the epoch.
        ready_ns: When the program became ready; 0 before.
        log: Its log file.
        last_line: The last line of a program that runs once.
    """

    name: str
    phase: ProgramPhase = "waiting"
    pid: int = 0
    instance_id: str = ""
    addresses: Mapping[str, str] = field(default_factory=dict)
    started_ns: int = 0
    ready_ns: int = 0
    log: str = ""
    last_line: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a stack could not start: a program, what happened to it, and the end of its log."""

    program: str
    reason: str
    exit_code: int = 0
    log_tail: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StackState:
    """The state of a stack and of its programs.

    Attributes:
        phase: `failed`: the stack could not start; `stopped`: it was told to stop, and all programs have ended.
        supervisor_pid: Id of the supervisor's process.
        started_ns: When the supervisor started, nanoseconds since the epoch.
        programs: In the order of the plan.
        deaths: Unexpected ends of programs that had been ready, oldest first.
        failure: Why the stack could not start; None unless it failed.
    """

    phase: Phase
    supervisor_pid: int
    started_ns: int
    programs: tuple[ProgramState, ...]
    deaths: tuple[Death, ...] = ()
    failure: Failure | None = None

    def program(self, name: str) -> ProgramState | None:
        """Return the program of that name, or None."""
        return next((program for program in self.programs if program.name == name), None)

    @property
    def store(self) -> StoreFacts:
        """The store behind the stack, as bootstrap printed it; unknown before bootstrap is done."""
        bootstrap = self.program(BOOTSTRAP)
        return store_facts(bootstrap.last_line if bootstrap else "")


def store_facts(line: str) -> StoreFacts:
    """Read the store's facts from the last line of bootstrap, a JSON object; unknown when the line is unreadable.

    >>> store_facts('{"kind": "valkey", "version": "9.1.2", "durability": "durable"}')
    StoreFacts(kind='valkey', version='9.1.2', durability='durable')
    """
    try:
        fields = json.loads(line)
        return StoreFacts(str(fields["kind"]), str(fields["version"]), str(fields["durability"]))
    except (ValueError, KeyError, TypeError):
        return UNKNOWN_STORE


def write_state(path: Path, state: StackState) -> None:
    """Write a state; readers see the old state or the new one."""
    fields = dataclasses.asdict(state) | {"deaths": [death._asdict() for death in state.deaths]}
    write_text(path, json.dumps(fields, indent=1))


def read_state(path: Path) -> StackState | None:
    """Return the state that was written last; None before the first. Fields that are not known are left out.

    Raises:
        DataFault: Another version of the lab wrote a state that this version cannot read.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    with readable(path):
        fields = json.loads(text)
        failure = fields["failure"]
        exact = {
            "programs": tuple(known(ProgramState, program) for program in fields["programs"]),
            "deaths": tuple(known(Death, death) for death in fields["deaths"]),
            "failure": known(Failure, failure | {"log_tail": tuple(failure["log_tail"])}) if failure else None,
        }
        return known(StackState, fields | exact)


def supervisor_pid_of(path: Path) -> int:
    """Return the process id of the supervisor, whatever version of the lab wrote the state; 0 where it is not known."""
    try:
        return int(json.loads(path.read_bytes())["supervisor_pid"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0
