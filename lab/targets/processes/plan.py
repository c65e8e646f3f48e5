"""What a supervisor is told to run: programs in order, each with its environment and its sign of readiness."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from lab.files import write_text

ReadyKind = Literal["file", "redis", "http", "once"]


@dataclass(frozen=True, slots=True)
class Ready:
    """How it shows that a program is ready.

    Attributes:
        kind: `file`: it wrote its ready file; `redis`: it answers PING; `http`: it answers GET with 200;
            `once`: it ended with exit code 0.
        where: Path, host:port or URL; empty for `once`.
        deadline_s: Seconds it may take.
    """

    kind: ReadyKind
    where: str = ""
    deadline_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Program:
    """One process to keep running.

    Attributes:
        name: What it is called everywhere: `redis`, `prometheus`, or a service.
        command: Absolute program, arguments.
        ready: Its sign of readiness.
        log: File that takes what it prints.
        after: Programs that must be ready before it starts; they outlive it.
        environment: What differs from the supervisor's own environment.
        pins: Variable → address in its ready file that the variable gets when the program is started again; a name
            that ends in `:port` takes the port alone.
        grace_s: Seconds between signals 15 and 9 when it is to stop.
    """

    name: str
    command: tuple[str, ...]
    ready: Ready
    log: str
    after: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    pins: Mapping[str, str] = field(default_factory=dict)
    grace_s: float = 10.0


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole stack.

    Attributes:
        programs: In order: each stands after everything it needs.
        config_hash: Tells whether another request wants the same.
        throw_away: The folder goes with whoever started the stack.
        scrape_dir: Folder that gets one file of scrape targets per program with a metrics address; empty for none.
        redis_url: The store the services use, whoever runs it.
        prometheus_url: The metrics server, whoever runs it.
    """

    programs: tuple[Program, ...]
    config_hash: str = ""
    throw_away: bool = True
    scrape_dir: str = ""
    redis_url: str = ""
    prometheus_url: str = ""

    @property
    def grace_s(self) -> float:
        """The longest that all of it may take to stop: what stands on the same depth stops together."""
        graces: dict[int, float] = {}
        for program in self.programs:
            depth = self.depth(program.name)
            graces[depth] = max(program.grace_s, graces.get(depth, 0.0))
        return sum(graces.values())

    def depth(self, name: str) -> int:
        """How many programs stand one after another below this one; what is deeper stops earlier."""
        program = next(program for program in self.programs if program.name == name)
        return 1 + max((self.depth(needed) for needed in program.after), default=-1)


def write_plan(path: Path, plan: Plan) -> None:
    """Write a plan for the supervisor."""
    write_text(path, json.dumps(dataclasses.asdict(plan), indent=1))


def read_plan(path: Path) -> Plan:
    """Read what `write_plan` wrote."""
    fields = json.loads(path.read_text(encoding="utf-8"))
    return Plan(**(fields | {"programs": tuple(_program(program) for program in fields["programs"])}))


def _program(fields: dict[str, Any]) -> Program:
    exact = {"command": tuple(fields["command"]), "after": tuple(fields["after"]), "ready": Ready(**fields["ready"])}
    return Program(**(fields | exact))
