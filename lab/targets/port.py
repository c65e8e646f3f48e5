"""What a target can do: bring the services up, say where they are, take them down."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from lab.model import Death, Endpoints, NodeClock, RolloutRow, ServiceStatus, StoreFacts

Report = Callable[[str, str, float], None]
"""Called as (stage, what happened, seconds) when a part is up; for example ("store", "valkey 9.1 on …", 0.2)."""
KeepLogs = Callable[[Mapping[str, Path]], None]
"""Called with program → log, files that may be gone afterwards."""

Watch = Callable[[Sequence[RolloutRow]], None]
"""Called with every part of a stack at each look, while it comes up and once more when it is well."""


def keep_nothing(_logs: Mapping[str, Path]) -> None:
    """For a stack whose logs nobody keeps."""


def watch_nothing(_rows: Sequence[RolloutRow]) -> None:
    """For a stack that nobody watches coming up."""


@dataclass(frozen=True, slots=True)
class StackRequest:
    """What is to be brought up.

    Attributes:
        settings: Settings of services that differ from their defaults, by environment name.
        keep: Leave it running after the caller has gone (`lab up`); otherwise it ends with the caller, however that
            ends.
        reuse: Use a stack that is already up when its configuration is the same.
        keep_logs: Is given the logs when the caller's use of the stack is over, however it ended: those of programs
            that have stopped where the stack ends with it, and those of a stack that never came up.
        watch: Is shown how far every part is, by targets where that takes a while.
        architecture: The one that ingest-api and process-worker run on; empty for all that the target has.
    """

    settings: Mapping[str, str] = field(default_factory=dict)
    keep: bool = False
    reuse: bool = True
    keep_logs: KeepLogs = keep_nothing
    watch: Watch = watch_nothing
    architecture: str = ""


class Deployment(Protocol):
    """A stack that is up."""

    @property
    def endpoints(self) -> Endpoints:
        """Where everything is."""

    @property
    def store(self) -> StoreFacts:
        """The store behind it."""

    def statuses(self) -> Sequence[ServiceStatus]:
        """What every service says of itself now."""

    def deaths(self) -> Sequence[Death]:
        """Processes that ended without having been asked to, since the stack is up."""

    def clocks(self) -> Sequence[NodeClock]:
        """The clock of every other machine that a service runs on, beside this one's."""

    def kill(self, service: str) -> int:
        """End a service's process with signal 9; nanoseconds since the epoch. The target starts it again."""

    def paused(self, service: str) -> AbstractContextManager[None]:
        """Stop a service's process for as long as the context lasts."""

    def facts(self) -> Mapping[str, object]:
        """What else of it belongs into a record: images by digest, nodes."""

    def log_files(self) -> Mapping[str, Path]:
        """Service → its log on this machine."""

    def follow(self, names: Sequence[str], lines: int) -> Iterator[str]:
        """The last lines of some of these logs, then what is written to them, until the caller has had enough."""

    def span_files(self) -> Sequence[Path]:
        """Files of spans, OTLP JSON lines."""


class KeptStack(Deployment, Protocol):
    """A stack that stays up, as somebody looks at it who did not bring it up: part of it may not run."""

    @property
    def within_reach(self) -> Endpoints:
        """Where everything is, with nothing for a service that cannot be reached now."""

    @property
    def metrics_command(self) -> str:
        """What makes the metrics server reachable; empty where it is by itself."""

    def everybody(self) -> Sequence[ServiceStatus]:
        """What every service says of itself now, and what does not run."""

    def programs(self) -> Sequence[str]:
        """Names of everything that writes a log."""

    def last_lines(self, name: str, lines: int) -> Sequence[str]:
        """The last lines of the log of one of these."""


class Target(Protocol):
    """A place where services run."""

    def deployed(self, request: StackRequest, report: Report) -> AbstractContextManager[Deployment]:
        """Bring the stack up, gated by health; take down on exit what was brought up, unless it is to be kept."""

    def current(self) -> KeptStack | None:
        """The kept stack, or None."""

    def down(self, report: Report, /) -> bool:
        """Take the kept stack down; False when there was none. What stays although it was made is reported."""
