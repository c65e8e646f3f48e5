"""The folder that holds all runs."""

import difflib
import secrets
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from lab.errors import DataFault, Exists, Unavailable, UsageFault
from lab.runs.folder import MANIFEST, RUNNING, SCHEMA, RunFolder, sync
from lab.runs.names import checked_name, is_made_here, new_name

LAST: Final = "last"
SHOWN: Final = 3


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
        facts = {
            "schema": SCHEMA,
            "id": chosen,
            "notebook": notebook,
            "parameters": dict(parameters or {}),
            "target": target,
            "started": now.isoformat(timespec="milliseconds"),
        }
        try:
            self._make(chosen, facts)
        except OSError as error:
            raise Unavailable(
                f"cannot keep runs in {self.root}", found=str(error), next_step="df -h .      (room and permissions)"
            ) from error
        return RunFolder(self.root / chosen)

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
        raise _not_one(str(which), found, runs)

    def all(self) -> list[RunFolder]:
        """Every run, newest first; also those whose manifest cannot be read."""
        if not self.root.is_dir():
            return []
        return sorted((RunFolder(path) for path in self.root.iterdir() if _is_run(path)), key=_began, reverse=True)

    def prune(self, *, keep: int) -> list[str]:
        """Remove all but the newest *keep* runs; what is running stays. The ids that went.

        Raises:
            UsageFault: *keep* is negative.
            Unavailable: A folder cannot be removed.
        """
        if keep < 0:
            raise UsageFault(f"keep: {keep} must be 0 or more")
        removed = []
        for run in self.all()[keep:]:
            if _is_running(run):
                continue
            try:
                shutil.rmtree(run.path)
            except OSError as error:
                raise Unavailable(f"cannot remove {run.run_id}", found=str(error)) from error
            removed.append(run.run_id)
        return removed

    def _make(self, run_id: str, facts: Mapping[str, object]) -> None:
        """Make the folder beside and give it its name when it has a manifest: no run is ever without one."""
        path, beside = self.root / run_id, self.root / f".{run_id[:32]}.{secrets.token_hex(4)}"
        self.root.mkdir(parents=True, exist_ok=True)
        if path.exists():
            raise _taken(run_id)
        try:
            beside.mkdir()
            RunFolder(beside).begin(**facts)
            _rename(beside, path)
            sync(self.root)
        finally:
            shutil.rmtree(beside, ignore_errors=True)


def _rename(beside: Path, path: Path) -> None:
    try:
        beside.rename(path)
    except OSError as error:
        if path.exists():
            raise _taken(path.name) from error
        raise


def _taken(run_id: str) -> Exists:
    return Exists(f"a run {run_id} is there", next_step="choose a new id", code="RUN_EXISTS")


def _not_one(which: str, found: list[RunFolder], runs: list[RunFolder]) -> UsageFault:
    """None, or too many: those that match, else those that are called nearly that, else the latest."""
    names = [run.run_id for run in runs]
    if found:
        shown = ", ".join(run.run_id for run in found[:SHOWN])
        return UsageFault(f'which run "{which}"?', found=f"{len(found)} runs match: {shown}", next_step="lab runs list")
    near = difflib.get_close_matches(which, names, n=SHOWN, cutoff=0.5)
    shown = f"near: {', '.join(near)}" if near else f"the latest are: {', '.join(names[:SHOWN]) or 'none'}"
    return UsageFault(f'no run "{which}"', found=shown, next_step="lab runs list")


def _is_run(path: Path) -> bool:
    """Whether it is one; a hidden folder is one that is being made."""
    if path.name.startswith("."):
        return False
    return (path / MANIFEST).is_file() or (path.is_dir() and is_made_here(path.name))


def _began(run: RunFolder) -> tuple[str, str]:
    """When it began, in UTC; where nobody can tell, when its folder last changed. Its name decides between equals."""
    try:
        began = str(run.manifest()["started"])
    except (DataFault, KeyError):
        changed = datetime.fromtimestamp(run.path.stat().st_mtime, UTC)
        began = changed.isoformat(timespec="milliseconds")
    return began, run.run_id


def _is_running(run: RunFolder) -> bool:
    try:
        return bool(run.manifest()["status"] == RUNNING)
    except DataFault:
        return False
