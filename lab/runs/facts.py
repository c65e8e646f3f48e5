"""Holds the facts of a run's manifest that the lab relies on. Pure."""

from dataclasses import dataclass
from typing import Final, Self

from lab.runs.documents import JsonObject

RUNNING: Final = "running"
SUCCEEDED: Final = "succeeded"
FAILED: Final = "failed"
INTERRUPTED: Final = "interrupted"


@dataclass(frozen=True, slots=True)
class RunFacts:
    """The facts of a manifest that the lab relies on; a text is empty where the manifest lacks the fact.

    Attributes:
        status: `running`, `succeeded`, `failed` or `interrupted`.
        notebook: The notebook's path in the project.
        started: When the run began, in UTC, as ISO 8601.
        ended: When the run ended, in the same form.
        reason: Why the run failed.
        headline: The verdict; the validity where there is no verdict; empty until the trial is judged.
        also: Ids of the runs that the same notebook made after this run.
        measuring: Whether a measurement has begun.
    """

    status: str
    notebook: str = ""
    started: str = ""
    ended: str = ""
    reason: str = ""
    headline: str = ""
    also: tuple[str, ...] = ()
    measuring: bool = False

    @classmethod
    def of(cls, manifest: JsonObject) -> Self:
        """Return the facts in a manifest of today's schema.

        >>> RunFacts.of({"status": "succeeded", "verdict": {"status": "MET"}, "validity": {"status": "VALID"}}).headline
        'MET'
        """
        judged = "verdict" in manifest
        return cls(
            status=manifest["status"],
            notebook=manifest.get("notebook") or "",
            started=manifest.get("started") or "",
            ended=manifest.get("ended") or "",
            reason=manifest.get("reason") or "",
            headline=(manifest["verdict"]["status"] or manifest["validity"]["status"]) if judged else "",
            also=tuple(manifest.get("also", ())),
            measuring=bool(manifest.get("measuring")),
        )

    @property
    def is_running(self) -> bool:
        """Whether the run goes on."""
        return self.status == RUNNING

    @property
    def is_fresh(self) -> bool:
        """Whether the run has begun and nothing has been measured yet."""
        return self.is_running and not self.measuring
