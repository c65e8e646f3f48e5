"""Names the files of a stack."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lab.files import OWNERS_FOLDER
from lab.targets.processes.locks import is_held

OTHER_FOLDER: Final = "make room and allow writing there, or keep stacks elsewhere: export LAB_STATE_DIR=FOLDER"
"""The next step where a stack's folder cannot be written."""


@dataclass(frozen=True, slots=True)
class StackFolder:
    """The folder of one stack."""

    root: Path

    @property
    def plan(self) -> Path:
        """The plan: the programs to run."""
        return self.root / "plan.json"

    @property
    def state(self) -> Path:
        """The state, as the supervisor writes it."""
        return self.root / "stack.json"

    @property
    def room(self) -> Path:
        """Room that is set aside for the state of a stack that fills the disk."""
        return self.root / ".room"

    @property
    def lock(self) -> Path:
        """A lock held by the process that starts the stack, then by its supervisor until the supervisor ends."""
        return self.root / "supervisor.lock"

    @property
    def measuring(self) -> Path:
        """A lock held by the run that measures the stack."""
        return self.root / "measuring.lock"

    @property
    def pauses(self) -> Path:
        """The pauses of processes that are stopped on purpose."""
        return self.root / "pauses"

    @property
    def logs(self) -> Path:
        """A log for each program."""
        return self.root / "logs"

    @property
    def spans(self) -> Path:
        """A file of spans for each service."""
        return self.root / "spans"

    @property
    def ready(self) -> Path:
        """A ready file for each service."""
        return self.root / "ready"

    @property
    def redis(self) -> Path:
        """The store's data."""
        return self.root / "redis"

    @property
    def secrets(self) -> Path:
        """The secrets of the stack: the users of its store, the token of its services."""
        return self.root / "secrets"

    @property
    def store_users(self) -> Path:
        """The users of the store, as its server reads them."""
        return self.secrets / "users.acl"

    @property
    def token(self) -> Path:
        """The token that callers of the services send."""
        return self.secrets / "token"

    @property
    def prometheus(self) -> Path:
        """Configuration, targets and data of the metrics server."""
        return self.root / "prometheus"

    @property
    def scrape_targets(self) -> Path:
        """A file for each service that the metrics server scrapes."""
        return self.prometheus / "targets"

    @property
    def is_alive(self) -> bool:
        """Whether the supervisor lives or is being started."""
        return is_held(self.lock)

    def password_of(self, user: str) -> Path:
        """Return the path of the password of a user of the store."""
        return self.secrets / user

    def log_of(self, program: str) -> Path:
        """Return the path of a program's log."""
        return self.logs / f"{program}.log"

    def log_files(self) -> dict[str, Path]:
        """Return program → log, of the supervisor and of every program that was started."""
        return {path.stem: path for path in sorted(self.logs.glob("*.log"))}

    def make(self) -> None:
        """Create the folder and its parts; only this user may read them."""
        self.root.mkdir(parents=True, exist_ok=True, mode=OWNERS_FOLDER)
        for part in (self.pauses, self.logs, self.spans, self.ready):
            part.mkdir(exist_ok=True)
