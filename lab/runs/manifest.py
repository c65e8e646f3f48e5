"""Holds the manifest of a run: built here, written to `run.json`, read from it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Final, NamedTuple, Self

from lab.errors import LabError, to_data
from lab.files import OWNERS_FILE, write_text
from lab.model import Trial
from lab.runs.contents import MANIFEST
from lab.runs.damage import damaged
from lab.runs.documents import JsonObject, iso, text_of
from lab.runs.schema_1 import upgraded_facts
from lab.runs.trial_facts import facts_of

RUNNING: Final = "running"
SUCCEEDED: Final = "succeeded"
FAILED: Final = "failed"
INTERRUPTED: Final = "interrupted"
SCHEMA: Final = 2
"""Version of the files in a run's folder."""
READABLE: Final = (1, SCHEMA)
"""Versions that can be read; any other is refused."""
ABANDONED: Final = "the process of the run is gone"
MOST_LINES: Final = 5
"""Lines of an error that a manifest keeps; a LabError has no more."""
LONGEST_LINE: Final = 300
"""Characters of such a line."""


class Process(NamedTuple):
    """A process, known by its id and by its start, in seconds since the epoch."""

    pid: int
    started_s: float


@dataclass(frozen=True, slots=True)
class RunManifest:
    """What is recorded of a run; a text is empty where nothing is recorded.

    Attributes:
        id: The run's name.
        status: `running`, `succeeded`, `failed` or `interrupted`.
        notebook: The notebook's path in the project.
        parameters: Values of the notebook's parameters.
        target: Where the services run.
        started: When the run began, in UTC, as ISO 8601.
        ended: When the run ended, in the same form.
        process: The process that carries the run out; None where it is unknown.
        measuring: Whether a measurement has begun.
        trial: The facts of the trial in plain JSON (`lab.runs.trial_facts`), and every fact that the lab does not know.
        reason: Why the run failed.
        exit_code: Exit code of the LabError that ended the run; None for any other end.
        error: That LabError as data.
        also: Ids of the runs that the same notebook made after this run.
        schema: Version of the files in the folder.
    """

    id: str = ""
    status: str = RUNNING
    notebook: str = ""
    parameters: Mapping[str, object] = field(default_factory=dict)
    target: str = ""
    started: str = ""
    ended: str = ""
    process: Process | None = None
    measuring: bool = False
    trial: Mapping[str, object] = field(default_factory=dict)
    reason: str = ""
    exit_code: int | None = None
    error: Mapping[str, object] | None = None
    also: tuple[str, ...] = ()
    schema: int = SCHEMA

    @classmethod
    def of(cls, document: JsonObject) -> Self:
        """Return the manifest that `document` turned into JSON; facts other than the status may be missing.

        >>> RunManifest.of({"status": "succeeded", "verdict": {"status": "MET"}}).headline
        'MET'
        """
        return cls(
            id=document.get("id") or "",
            status=document["status"],
            notebook=document.get("notebook") or "",
            parameters=document.get("parameters") or {},
            target=document.get("target") or "",
            started=document.get("started") or "",
            ended=document.get("ended") or "",
            process=_process(document.get("process")),
            measuring=bool(document.get("measuring")),
            trial={name: fact for name, fact in document.items() if name not in OF_THE_RUN},
            reason=document.get("reason") or "",
            exit_code=document.get("exit_code"),
            error=document.get("error"),
            also=tuple(document.get("also") or ()),
            schema=document.get("schema", 0),
        )

    def document(self) -> JsonObject:
        """Return the manifest as JSON, as programs that know nothing of the lab read it."""
        return {
            "schema": self.schema,
            "id": self.id,
            "notebook": self.notebook,
            "parameters": dict(self.parameters),
            "target": self.target,
            "started": self.started,
            "status": self.status,
            "ended": self.ended or None,
            **({"process": list(self.process)} if self.process else {}),
            **({"measuring": True} if self.measuring else {}),
            **self.trial,
            **({"reason": self.reason, "exit_code": self.exit_code, "error": self.error} if self.reason else {}),
            **({"also": list(self.also)} if self.also else {}),
        }

    @property
    def is_running(self) -> bool:
        """Whether the run goes on."""
        return self.status == RUNNING

    @property
    def is_fresh(self) -> bool:
        """Whether the run has begun and nothing has been measured yet."""
        return self.is_running and not self.measuring

    @property
    def headline(self) -> str:
        """The verdict; the validity where there is no verdict; empty until the trial is judged."""
        return _status_in(self.trial, "verdict") or _status_in(self.trial, "validity")

    def judged(self, trial: Trial) -> Self:
        """Return the manifest with the facts of the run's trial; the run goes on until its files are on the disk."""
        # Where the kernel does not know its parameters, the parameters that `lab run` recorded stay.
        parameters = dict(trial.parameters) or self.parameters
        return replace(self, started=iso(trial.started_ns), parameters=parameters, trial=facts_of(trial))

    def ended_by(self, error: BaseException, *, at: str) -> Self:
        """Return the manifest of a run that an error ended: in words, and a LabError also as data.

        Args:
            error: The error; Ctrl-C interrupts the run, any other error fails it.
            at: When that was, as ISO 8601.
        """
        interrupted, fault = isinstance(error, KeyboardInterrupt), error if isinstance(error, LabError) else None
        return replace(
            self,
            status=INTERRUPTED if interrupted else FAILED,
            reason="interrupted" if interrupted else _words(error),
            exit_code=fault.exit_code if fault else None,
            error=to_data(fault) if fault else None,
            ended=at,
        )

    def failed(self, reason: str) -> Self:
        """Return the manifest of a run that failed without an error."""
        return replace(self, status=FAILED, reason=reason)

    def followed_by(self, run_id: str) -> Self:
        """Return the manifest with the id of a later run of the same notebook."""
        return replace(self, also=(*self.also, run_id))

    def upgraded(self) -> Self:
        """Return the manifest with its facts under today's names; the schema stays that of the folder's other files."""
        return replace(self, trial=upgraded_facts(dict(self.trial))) if self.schema == 1 else self

    def portable(self) -> Self:
        """Return the manifest for another machine: in today's schema, without what means nothing there."""
        return replace(self.upgraded(), schema=SCHEMA, process=None, measuring=False, exit_code=None, error=None)


OF_THE_RUN: Final = frozenset(field.name for field in fields(RunManifest)) - {"trial"}
"""Names of the facts in JSON that are not those of the trial."""


def read_manifest(folder: Path) -> RunManifest:
    """Return the manifest in a run's folder, with its facts under the names of its own schema.

    Raises:
        DataFault: There is no manifest, or it cannot be read.
    """
    file = folder / MANIFEST
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        if isinstance(document, dict) and "status" in document:
            return RunManifest.of(document)
    except (OSError, ValueError, TypeError) as error:
        raise damaged(file, error) from error
    raise damaged(file, "it is no manifest of a run")


def write_manifest(folder: Path, manifest: RunManifest) -> None:
    """Replace the manifest in a run's folder; it is on the disk when this returns.

    Raises:
        OSError: There is no room; the old manifest stays.
    """
    write_text(folder / MANIFEST, text_of(manifest.document()), durable=True, mode=OWNERS_FILE)


def _process(stored: object) -> Process | None:
    if isinstance(stored, list) and len(stored) == 2:
        return Process(int(stored[0]), float(stored[1]))
    return None


def _status_in(facts: Mapping[str, object], name: str) -> str:
    answer = facts.get(name)
    return str(answer.get("status") or "") if isinstance(answer, Mapping) else ""


def _words(error: BaseException) -> str:
    """Return the part of an error that a terminal shows."""
    text = str(error) if isinstance(error, LabError) else f"{type(error).__name__}: {error}"
    return "\n".join(line[:LONGEST_LINE] for line in text.splitlines()[:MOST_LINES])
