"""Keeps all runs in one folder."""

import difflib
import shutil
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from lab.errors import DataFault, Exists, Unavailable, UsageFault
from lab.files import new_folder, sync
from lab.interrupts import Interrupted
from lab.model import NANOS, Experiment
from lab.runs.contents import MANIFEST
from lab.runs.documents import iso
from lab.runs.folder import RunFolder
from lab.runs.manifest import INTERRUPTED, RunManifest
from lab.runs.names import checked_name, is_made_here, new_name

LAST: Final = "last"
"""Stands for the id of the newest run."""
SHOWN: Final = 3
"""Ids that an error shows."""
NEAR: Final = 0.5
"""Similarity from which an id is shown for a misspelt id."""


class RunStore:
    """Makes, finds and removes run folders.

    Args:
        root: The folder that holds the runs; made with the first run.
        clock: Returns nanoseconds since the epoch; dates the beginning and the end of a run.
    """

    def __init__(self, root: Path, *, clock: Callable[[], int] = time.time_ns) -> None:
        self.root, self._clock = root, clock

    def new(
        self,
        name: str,
        *,
        notebook: str = "",
        target: str = "processes",
        parameters: Mapping[str, object] | None = None,
        run_id: str = "",
    ) -> RunFolder:
        """Make and return the folder of a run that begins now.

        Raises:
            Exists: A run of that id exists.
            UsageFault: The id is not allowed.
            Unavailable: The folder cannot be made.
        """
        now_ns = self._clock()
        chosen = checked_name(run_id or new_name(name, datetime.fromtimestamp(now_ns / NANOS, UTC)))
        manifest = RunManifest(
            id=chosen, notebook=notebook, parameters=dict(parameters or {}), target=target, started=iso(now_ns)
        )
        try:
            self._make(manifest)
        except OSError as error:
            raise Unavailable(
                f"cannot keep runs in {self.root}", found=str(error), next_step="df -h .      (room and permissions)"
            ) from error
        return self._run(self.root / chosen)

    def open(self, which: str | Path) -> RunFolder:
        """Return a run by its id, a part that only this id has, `last`, or a path.

        Raises:
            UsageFault: No run, or more than one, matches.
        """
        path = Path(which)
        if (path / MANIFEST).is_file():
            return self._run(path.resolve())
        runs = self.all()
        if str(which) == LAST and runs:
            return runs[0]
        exact = [run for run in runs if run.run_id == str(which)]
        matching = exact or [run for run in runs if str(which) and str(which) in run.run_id]
        if len(matching) == 1:
            return matching[0]
        raise _no_single_run(str(which), matching, runs)

    def all(self) -> list[RunFolder]:
        """Return every run, newest first; also runs whose manifest cannot be read."""
        if not self.root.is_dir():
            return []
        return sorted((self._run(path) for path in self.root.iterdir() if _is_run(path)), key=_began, reverse=True)

    def prune(self, *, keep: int) -> list[str]:
        """Remove all but the newest *keep* runs, except those that are running; return the removed ids.

        Raises:
            UsageFault: *keep* is negative.
            Unavailable: A folder cannot be removed.
        """
        if keep < 0:
            raise UsageFault(f"keep: {keep} must be 0 or more", next_step="give how many of the newest runs stay")
        removed = []
        for run in self.all()[keep:]:
            if _is_running(run):
                continue
            try:
                shutil.rmtree(run.path)
            except OSError as error:
                step = f"ls -ld {run.path} {run.path.parent}      (who may remove it)"
                raise Unavailable(f"cannot remove {run.run_id}", found=str(error), next_step=step) from error
            removed.append(run.run_id)
        return removed

    def _run(self, path: Path) -> RunFolder:
        return RunFolder(path, clock=self._clock)

    def _make(self, manifest: RunManifest) -> None:
        """Make the folder of a run; it appears together with its manifest."""
        path = self.root / manifest.id
        if path.exists():
            raise _taken(manifest.id)
        try:
            with new_folder(path) as draft:
                self._run(draft).begin(manifest)
            sync(self.root)
        except OSError as error:
            if path.exists():
                raise _taken(manifest.id) from error
            raise


def folder_for(
    experiment: Experiment,
    store: RunStore,
    *,
    begun: str = "",
    notebook: str = "",
    parameters: Mapping[str, object] | None = None,
) -> RunFolder:
    """Return the folder for the next run of a notebook.

    The first run uses the folder that `lab run` has begun. Every later run gets a new folder, whose id the begun run
    keeps.

    Args:
        experiment: Names a new folder.
        store: Keeps the runs.
        begun: Id of the run that `lab run` has begun; empty where `lab run` did not start the notebook.
        notebook: The notebook's path in the project; empty where it is unknown.
        parameters: Values of the notebook's parameters.

    Raises:
        UsageFault: The begun run is gone.
        DataFault: The begun run's manifest cannot be read.
        Unavailable: The new folder cannot be made.
        Interrupted: An earlier run of the notebook was interrupted; the signal was meant for the whole notebook.
    """
    first = store.open(begun) if begun else None
    if first is not None and first.manifest().is_fresh:
        return first
    earlier = [first, *(store.open(run_id) for run_id in first.manifest().also)] if first is not None else []
    if any(run.manifest().status == INTERRUPTED for run in earlier):
        raise Interrupted
    folder = store.new(experiment.name, notebook=notebook, target=experiment.target, parameters=parameters)
    if first is not None:
        first.update(lambda manifest: manifest.followed_by(folder.run_id))
    return folder


def _taken(run_id: str) -> Exists:
    return Exists(f"a run {run_id} exists already", next_step="choose a new id", code="RUN_EXISTS")


def _no_single_run(which: str, matching: list[RunFolder], runs: list[RunFolder]) -> UsageFault:
    """Return the error for no run or several; it names the matching ids, else similar ids, else the latest."""
    names = [run.run_id for run in runs]
    if matching:
        shown = ", ".join(run.run_id for run in matching[:SHOWN])
        message = f"{len(matching)} runs match: {shown}"
        return UsageFault(f'which run "{which}"?', found=message, next_step="lab runs list")
    near = difflib.get_close_matches(which, names, n=SHOWN, cutoff=NEAR)
    shown = f"near: {', '.join(near)}" if near else f"the latest are: {', '.join(names[:SHOWN]) or 'none'}"
    return UsageFault(f'no run "{which}"', found=shown, next_step="lab runs list")


def _is_run(path: Path) -> bool:
    """Return whether a path holds a run; a hidden folder is a run that is being made."""
    if path.name.startswith("."):
        return False
    return (path / MANIFEST).is_file() or (path.is_dir() and is_made_here(path.name))


def _began(run: RunFolder) -> tuple[str, str]:
    """Return when a run began, in UTC, and its name; without a manifest, when its folder last changed."""
    try:
        began = run.manifest().started
    except DataFault:
        began = ""
    return began or _changed(run.path), run.run_id


def _changed(path: Path) -> str:
    """Return when a folder last changed, in the form of a manifest's times."""
    return iso(path.stat().st_mtime_ns)


def _is_running(run: RunFolder) -> bool:
    try:
        return run.manifest().is_running
    except DataFault:
        return False
