"""A program of a stack on this machine."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ProgramProbe:
    """A program of a local stack, or one that a stack would start.

    Attributes:
        name: `redis`, `prometheus`, `bootstrap`, or a service.
        phase: Phase as the supervisor names it; empty for a program that was never started.
        program: Path of its executable; empty where none was found.
        is_there: Whether that file can be executed.
        version: Version of the program, for example `valkey 9.1.2`; empty where it was not asked.
        error: Why it cannot be run, or why the supervisor gave it up.
        install: The command that installs it on this machine; empty where none is known.
        pid: Its process; 0 where it has none.
        instance: The `instance` of its metrics; empty where it has none.
        exit_code: Exit code with which it ended last; 0 where a signal ended it.
        signal: Signal that ended it last; 0 where it exited by itself.
        deaths: How often it ended without being asked to.
        died_at: When the first death of the last ten minutes was noticed, seconds since the epoch; 0 for none.
        gave_up: Whether the supervisor gave it up, so that the stack failed.
        ready_at: Since when it is ready, seconds since the epoch; 0 where it is not.
        after: Programs that it needs.
        addresses: host:port on which it listens, or wants to.
        settings: Variables that the stack gave it.
        log_file: Where its log is.
        log: The last lines of its log.
    """

    name: str
    phase: str = ""
    program: str = ""
    is_there: bool | None = None
    version: str = ""
    error: str = ""
    install: str = ""
    pid: int = 0
    instance: str = ""
    exit_code: int = 0
    signal: int = 0
    deaths: int = 0
    died_at: float = 0.0
    gave_up: bool = False
    ready_at: float = 0.0
    after: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    log_file: str = ""
    log: tuple[str, ...] = ()

    @property
    def ref(self) -> str:
        """Kind and name."""
        return f"Program/{self.name}"

    @property
    def is_up(self) -> bool:
        """Whether it runs and is ready, or ran once and succeeded."""
        return self.phase in {"ready", "done"}
