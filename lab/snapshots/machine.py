"""What was found on this machine: its resources, the stack of local processes, the programs of that stack."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

StackPhase = Literal["", "starting", "ready", "stopping", "stopped", "failed", "orphaned"]
"""Empty where there is no stack; `orphaned`: its supervisor ended without stopping it."""


@dataclass(frozen=True, slots=True)
class Listener:
    """A process that listens on a TCP port of this machine."""

    port: int
    pid: int = 0
    command: str = ""


@dataclass(frozen=True, slots=True)
class MachineProbe:
    """This machine.

    Attributes:
        system: `Linux`, `Darwin`.
        architecture: Architecture as the kernel names it, for example `x86_64`.
        python: Version of Python.
        state_dir: Folder of the stacks.
        state_free_bytes: Free bytes on the disk of that folder; -1 where that cannot be told.
        runs_dir: Folder of the runs.
        runs_free_bytes: Free bytes on the disk of that folder; -1 where that cannot be told.
        runs: How many runs are kept.
        memory_bytes: Memory of this machine.
        memory_available_bytes: Memory that programs can still use.
        out_of_memory_kills: Processes that the kernel ended for want of memory, since it started or within the cgroup;
            None where that cannot be told.
        stack: Phase of the stack.
        stack_dir: Folder of that stack; empty where there is none.
        listeners: Who listens on the ports that the stack's programs want.
    """

    system: str
    architecture: str
    python: str
    state_dir: str = ""
    state_free_bytes: int = -1
    runs_dir: str = ""
    runs_free_bytes: int = -1
    runs: int = 0
    memory_bytes: int = 0
    memory_available_bytes: int = 0
    out_of_memory_kills: int | None = None
    stack: StackPhase = ""
    stack_dir: str = ""
    listeners: tuple[Listener, ...] = ()

    @property
    def stack_is_up(self) -> bool:
        """Whether the stack is up, or being started."""
        return self.stack in {"starting", "ready"}


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
