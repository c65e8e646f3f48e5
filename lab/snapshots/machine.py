"""What this machine has for a stack of local processes."""

from dataclasses import dataclass
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
