"""The port of a target: brings the services up, says where they are, takes them down."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Final, NamedTuple, Protocol, runtime_checkable

from lab.model import Death, Endpoints, Fault, NodeClock, ProcessIdentity, RolloutRow, ServiceStatus, StoreFacts
from lab.model.factors import Level

Report = Callable[[str, str, float], None]
"""Called as (stage, what happened, seconds) when a part is up; for example ("store", "valkey 9.1 on …", 0.2)."""
ROLLOUT: Final = "rollout"
"""Stage of a `Report` that tells in words which part of a rollout became ready; a `Watch` shows the same as rows."""
KeepLogs = Callable[[Mapping[str, Path]], None]
"""Called with program → log file; the files may be gone afterwards."""
Watch = Callable[[Sequence[RolloutRow]], None]
"""Called with every part of a stack at each poll of a rollout, and once more when the stack is well."""


def keep_nothing(_logs: Mapping[str, Path]) -> None:
    """Keep no logs."""


def watch_nothing(_rows: Sequence[RolloutRow]) -> None:
    """Show no rollout."""


@dataclass(frozen=True, slots=True)
class Declaration:
    """The description of a target, known before a target is opened.

    Attributes:
        name: The target's name, as `--target` and `-p target` take it.
        place: What a report calls the place of a trial on the target.
        unfit: The consequence of anything missing, as `lab doctor` prints it.
    """

    name: str
    place: str
    unfit: str


class Hindrance(NamedTuple):
    """Why a target cannot carry out a fault, and what to request instead."""

    why: str
    next_step: str


@dataclass(frozen=True, slots=True)
class StackRequest:
    """The stack that a caller requests.

    Attributes:
        settings: Settings of services that differ from their defaults, by environment name.
        keep: Leave the stack running after the caller has gone (`lab up`). Otherwise it ends with the caller, however
            the caller ends.
        keep_logs: Called with the logs when the caller's use of the stack ends, with or without an error; also with the
            logs of a stack that never came up.
        watch: Called with the state of every part, by targets whose rollout takes a while.
        architecture: The architecture that services which handle events run on; empty for all that the target has.
    """

    settings: Mapping[str, str] = field(default_factory=dict)
    keep: bool = False
    keep_logs: KeepLogs = keep_nothing
    watch: Watch = watch_nothing
    architecture: str = ""


class Deployment(Protocol):
    """A stack; `bring_up` makes it ready, and does nothing where it is up already."""

    def bring_up(self) -> None:
        """Return when every part is ready.

        Raises:
            Unavailable: A part does not become ready, or not in time.
            BadConfig: A program refuses its settings.
        """

    def identities(self) -> Sequence[ProcessIdentity]:
        """Return the identity of every process; empty where all processes run from this installation.

        Raises:
            Unavailable: A process that is ready does not answer.
        """

    @property
    def metrics_hint(self) -> str:
        """A possible cause of a missing metric on this stack; empty without a hint."""

    @property
    def servers(self) -> Endpoints:
        """Addresses of store and metrics server alone; reading them opens no connection to a service."""

    @property
    def endpoints(self) -> Endpoints:
        """Addresses of everything."""

    @property
    def folder(self) -> Path:
        """Where the stack keeps its state on this machine."""

    @property
    def store(self) -> StoreFacts:
        """The store behind the stack."""

    def statuses(self) -> Sequence[ServiceStatus]:
        """Return the status that every service reports now."""

    def deaths(self) -> Sequence[Death]:
        """Return the processes that ended unexpectedly since the stack came up."""

    def clocks(self) -> Sequence[NodeClock]:
        """Return the clock of every other machine that a service runs on, beside this machine's."""

    def kill(self, service: str) -> int:
        """End a service's process with signal 9; return nanoseconds since the epoch. The target starts it again."""

    def paused(self, service: str) -> AbstractContextManager[None]:
        """Stop a service's process for as long as the context lasts."""

    def facts(self) -> Mapping[str, object]:
        """Return more facts of the stack for a record: images by digest, nodes."""

    def follow(self, names: Sequence[str], lines: int) -> Iterator[str]:
        """Yield the last lines of some logs, then every new line, without end."""

    def span_files(self) -> Sequence[Path]:
        """Return files of spans, OTLP JSON lines."""


class KeptStack(Deployment, Protocol):
    """A stack that stays up, for callers that did not bring it up; some parts may not run."""

    @property
    def within_reach(self) -> Endpoints:
        """Addresses of everything; empty for a service that cannot be reached now."""

    @property
    def metrics_command(self) -> str:
        """The command that makes the metrics server reachable; empty where it is reachable already."""

    def everybody(self) -> Sequence[ServiceStatus]:
        """Return the status that every service reports now, and every part that does not run."""

    def programs(self) -> Sequence[str]:
        """Return the names of all programs that write a log."""

    def last_lines(self, name: str, lines: int) -> Sequence[str]:
        """Return the last lines of one log."""


class Target(Protocol):
    """A place where services run. Opening a target with the lab's settings asks no server."""

    declaration: ClassVar[Declaration]

    @property
    def options(self) -> str:
        """The options with which a `lab` command finds the same stack, as text to paste; empty for the default."""

    def hindrance(self, fault: Fault) -> Hindrance | None:
        """Return why the target cannot carry out a fault, or None where it can."""

    def levels(self, factor: str) -> Sequence[Level]:
        """Return the levels of a factor that this target has, for example its architectures; empty for none."""

    def deployed(self, request: StackRequest, report: Report) -> AbstractContextManager[Deployment]:
        """Yield the stack, which the caller brings up; at the end take it down, unless it was up before or is kept."""

    def current(self) -> KeptStack | None:
        """Return the kept stack, or None."""

    def down(self, report: Report, /) -> bool:
        """Take the kept stack down; return False when there was none. Objects that stay are reported."""


class Cleaned(NamedTuple):
    """What was cleaned: the number of stacks that were stopped, and of those of other projects that stay."""

    stopped: int
    left: int = 0


@runtime_checkable
class Cleaning(Protocol):
    """A target that leaves files or processes on this machine."""

    def clean(self, *, everyone: bool = False) -> Cleaned:
        """Stop the stack of this project and remove its files; of *everyone*, also the stacks of other projects.

        Raises:
            Unavailable: A run is being measured on one of the stacks. Then no stack is stopped.
        """


class Intent(NamedTuple):
    """What bringing a stack up would do to one object.

    Attributes:
        kind: Kind of the object.
        name: Name of the object.
        change: `create`, `change`, `unchanged`, `remove`, or `write` for a Secret, which cannot be compared.
        diff: Unified diff of its YAML where it would change.
    """

    kind: str
    name: str
    change: str
    diff: str = ""


@runtime_checkable
class Previewing(Protocol):
    """A target whose stack consists of objects that can be shown before they are applied."""

    def preview(self, request: StackRequest, report: Report) -> Sequence[Intent]:
        """Return what bringing the stack up would do to every object; change nothing."""

    def write_objects(self, request: StackRequest, folder: Path) -> Sequence[Path]:
        """Write the objects of a stack, one file each, Secrets left out; change nothing else."""
