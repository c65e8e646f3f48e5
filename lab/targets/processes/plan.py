"""Defines the plan of a stack: the programs that a supervisor runs, in order."""

import dataclasses
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from lab.errors import UsageFault
from lab.files import write_text
from lab.model import Access, StoreLogin
from lab.targets.processes.stored import known, readable

STORE: Final = "redis"
METRICS: Final = "prometheus"
BOOTSTRAP: Final = "bootstrap"
"""Names of the programs beside the services."""

ReadyKind = Literal["file", "redis", "http", "once"]


@dataclass(frozen=True, slots=True)
class Ready:
    """How a program shows that it is ready.

    Attributes:
        kind: `file`: it wrote its ready file; `redis`: it answers PING; `http`: it answers GET with 200;
            `once`: it exited with 0.
        where: Path, host:port or URL; empty for `once`.
        deadline_s: Seconds until the program must be ready.
        user: User that logs in to a store before PING; empty for nobody.
        password_file: File with the password of that user.
    """

    kind: ReadyKind
    where: str = ""
    deadline_s: float = 60.0
    user: str = ""
    password_file: str = ""


@dataclass(frozen=True, slots=True)
class Program:
    """A program to keep running.

    Attributes:
        name: `redis`, `prometheus`, `bootstrap` or the name of a service.
        command: The absolute path of the program, then its arguments.
        ready: How the program shows that it is ready.
        log: File that gets the program's output.
        after: Programs that must be ready before this one starts; they stop after it.
        environment: Variables that differ from the supervisor's own environment.
        pins: Variable → kind of an address in the ready file. A restarted program gets its previous address in the
            variable; a kind that ends in `:port` gives the port only.
        grace_s: Seconds between signals 15 and 9 when the program is stopped.
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
    """The programs of a stack.

    Attributes:
        programs: In order: a program comes after all that it needs.
        config_hash: Two requests for the same configuration have the same hash.
        throw_away: The folder is removed when the process that started the stack ends.
        scrape_dir: Folder for the scrape targets, a file for each program with a metrics address; empty for none.
        redis_url: The store that the services use, also when it is not part of the stack.
        prometheus_url: The metrics server, also when it is not part of the stack.
        token_file: File with the token that callers of the services send.
    """

    programs: tuple[Program, ...]
    config_hash: str = ""
    throw_away: bool = True
    scrape_dir: str = ""
    redis_url: str = ""
    prometheus_url: str = ""
    token_file: str = ""

    @property
    def access(self) -> Access:
        """How callers secure calls to the services."""
        return Access(token_file=Path(self.token_file) if self.token_file else None)

    @property
    def store_login(self) -> StoreLogin | None:
        """How the supervisor logs in to the store of the stack; None where the stack has none, or one without users."""
        ready = next((program.ready for program in self.programs if program.name == STORE), None)
        return StoreLogin(Path(ready.password_file), ready.user) if ready and ready.user else None

    @property
    def grace_s(self) -> float:
        """Seconds that the stack may take to stop; programs of the same depth stop together."""
        graces: dict[int, float] = {}
        for program in self.programs:
            depth = self.depth(program.name)
            graces[depth] = max(program.grace_s, graces.get(depth, 0.0))
        return sum(graces.values())

    def depth(self, name: str) -> int:
        """Return the length of the longest chain of programs that this one needs; deeper programs stop earlier."""
        program = next(program for program in self.programs if program.name == name)
        return 1 + max((self.depth(needed) for needed in program.after), default=-1)


def write_plan(path: Path, plan: Plan) -> None:
    """Write a plan for the supervisor."""
    write_text(path, json.dumps(dataclasses.asdict(plan), indent=1))


def read_plan(path: Path) -> Plan:
    """Read the plan that `write_plan` wrote. Fields that are not known are left out.

    Raises:
        OSError: There is no such file.
        DataFault: Another version of the lab wrote a plan that this version cannot read.
    """
    text = path.read_text(encoding="utf-8")
    with readable(path):
        fields = json.loads(text)
        return known(Plan, fields | {"programs": tuple(map(_program, fields["programs"]))})


def _program(fields: dict[str, Any]) -> Program:
    exact = {
        "command": tuple(fields["command"]),
        "after": tuple(fields["after"]),
        "ready": known(Ready, fields["ready"]),
    }
    return known(Program, fields | exact)


def no_such_program(name: str, known: Iterable[str]) -> UsageFault:
    """Return the error for a program that a stack does not have."""
    return UsageFault(
        f'no program "{name}" in this stack', found=f"it has: {', '.join(known)}", next_step="name one of these"
    )
