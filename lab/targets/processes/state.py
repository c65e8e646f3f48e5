"""What a supervisor says of its stack: a file that is replaced whenever something changes."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from lab.files import write_text
from lab.model import Death

Phase = Literal["starting", "ready", "stopping", "stopped", "failed"]
ProgramPhase = Literal["waiting", "starting", "ready", "done", "stopped"]


@dataclass(frozen=True, slots=True)
class ProgramState:
    """One program of a stack.

    Attributes:
        name: As in the plan.
        phase: `waiting`: for what it needs, or for its next start; `done`: it ran once and is through.
        pid: Its process, 0 where there is none.
        instance_id: What it calls itself, empty where it does not.
        addresses: By kind: `grpc`, `health`, `metrics`; host:port.
        started_ns: When the process was started, nanoseconds since the epoch.
        ready_ns: When it was ready, 0 before.
        log: Its log file.
        last_line: Of a program that runs once: the last thing it printed.
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
    """Why a stack could not start: the program, what it did, the end of its log."""

    program: str
    reason: str
    exit_code: int = 0
    log_tail: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StackState:
    """A whole stack, as its supervisor sees it."""

    phase: Phase
    supervisor_pid: int
    started_ns: int
    programs: tuple[ProgramState, ...]
    deaths: tuple[Death, ...] = ()
    failure: Failure | None = None

    def program(self, name: str) -> ProgramState | None:
        """One program, None where the stack has none of that name."""
        return next((program for program in self.programs if program.name == name), None)


def write_state(path: Path, state: StackState) -> None:
    """Publish a state; readers never see half of one."""
    fields = dataclasses.asdict(state) | {"deaths": [death._asdict() for death in state.deaths]}
    write_text(path, json.dumps(fields, indent=1))


def read_state(path: Path) -> StackState | None:
    """The state published last, None before the first."""
    try:
        fields: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    failure = fields["failure"]
    exact = {
        "programs": tuple(ProgramState(**program) for program in fields["programs"]),
        "deaths": tuple(Death(**death) for death in fields["deaths"]),
        "failure": Failure(**(failure | {"log_tail": tuple(failure["log_tail"])})) if failure else None,
    }
    return StackState(**(fields | exact))
