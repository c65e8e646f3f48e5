"""The folder that holds all runs."""

import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from lab.errors import DataFault, Exists, Unavailable, UsageFault
from lab.runs.folder import MANIFEST, RUNNING, RunFolder
from lab.runs.names import checked_name, new_name

LAST: Final = "last"
SCHEMA: Final = 1


class RunStore:
    """Makes, finds and removes run folders.

    Args:
        root: Where they are; made when the first run is.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def new(
        self,
        name: str,
        *,
        notebook: str = "",
        target: str = "processes",
        parameters: Mapping[str, object] | None = None,
        run_id: str = "",
    ) -> RunFolder:
        """The folder of a run that begins now.

        Raises:
            Exists: A run of that id is there.
            UsageFault: The id is not one.
            Unavailable: The folder cannot be made.
        """
        now = datetime.now(UTC)
        chosen = checked_name(run_id or new_name(name, now))
        path = self.root / chosen
        try:
            path.mkdir(parents=True)
        except FileExistsError as error:
            raise Exists(f"a run {chosen} is there", next_step="choose a new id", code="RUN_EXISTS") from error
        except OSError as error:
            raise Unavailable(f"cannot keep runs in {self.root}", found=str(error)) from error
        folder = RunFolder(path)
        folder.begin(
            schema=SCHEMA,
            id=chosen,
            notebook=notebook,
            parameters=dict(parameters or {}),
            target=target,
            started=now.isoformat(timespec="milliseconds"),
        )
        return folder

    def open(self, which: str | Path) -> RunFolder:
        """A run by its id, a part of it that no other has, `last`, or a path.

        Raises:
            UsageFault: No run, or more than one, is called that.
        """
        path = Path(which)
        if (path / MANIFEST).is_file():
            return RunFolder(path.resolve())
        runs = self.all()
        if str(which) == LAST and runs:
            return runs[0]
        exact = [run for run in runs if run.run_id == str(which)]
        found = exact or [run for run in runs if str(which) and str(which) in run.run_id]
        if len(found) == 1:
            return found[0]
        shown = ", ".join(run.run_id for run in (found or runs)[:3])
        why = f"{len(found)} runs match: {shown}" if found else f"the latest are: {shown or 'none'}"
        raise UsageFault(
            f'no run "{which}"' if not found else f'which run "{which}"?', found=why, next_step="lab runs list"
        )

    def all(self) -> list[RunFolder]:
        """Every run, newest first."""
        if not self.root.is_dir():
            return []
        found = [RunFolder(path) for path in self.root.iterdir() if (path / MANIFEST).is_file()]
        return sorted(found, key=lambda run: run.run_id, reverse=True)

    def prune(self, *, keep: int) -> list[str]:
        """Remove all but the newest *keep* runs; what is running stays. The ids that went."""
        removed = []
        for run in self.all()[keep:]:
            if _is_running(run):
                continue
            shutil.rmtree(run.path)
            removed.append(run.run_id)
        return removed


def _is_running(run: RunFolder) -> bool:
    try:
        return bool(run.manifest()["status"] == RUNNING)
    except DataFault:
        return False
