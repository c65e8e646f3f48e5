"""Where a stack keeps its files."""

from dataclasses import dataclass
from pathlib import Path

from lab.targets.processes.locks import is_held


@dataclass(frozen=True, slots=True)
class StackFolder:
    """The folder of one stack."""

    root: Path

    @property
    def plan(self) -> Path:
        """What is to run."""
        return self.root / "plan.json"

    @property
    def state(self) -> Path:
        """What runs."""
        return self.root / "stack.json"

    @property
    def lock(self) -> Path:
        """Held by whoever starts the stack, then by its supervisor, as long as it lives."""
        return self.root / "supervisor.lock"

    @property
    def measuring(self) -> Path:
        """Held by the one measured run."""
        return self.root / "measuring.lock"

    @property
    def pauses(self) -> Path:
        """Processes that are stopped on purpose."""
        return self.root / "pauses"

    @property
    def logs(self) -> Path:
        """A log per program."""
        return self.root / "logs"

    @property
    def spans(self) -> Path:
        """A file of spans per service."""
        return self.root / "spans"

    @property
    def ready(self) -> Path:
        """A ready file per service."""
        return self.root / "ready"

    @property
    def redis(self) -> Path:
        """The store's data."""
        return self.root / "redis"

    @property
    def prometheus(self) -> Path:
        """Configuration, targets and data of the metrics server."""
        return self.root / "prometheus"

    @property
    def is_alive(self) -> bool:
        """Whether its supervisor lives, or is being started."""
        return is_held(self.lock)

    def log_of(self, program: str) -> Path:
        """The log of one program."""
        return self.logs / f"{program}.log"

    def log_files(self) -> dict[str, Path]:
        """Program → its log, of every program that was started; the supervisor's own too."""
        return {path.stem: path for path in sorted(self.logs.glob("*.log"))}

    def make(self) -> None:
        """Create it and its parts; nobody else may look inside."""
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        for part in (self.pauses, self.logs, self.spans, self.ready):
            part.mkdir(exist_ok=True)
