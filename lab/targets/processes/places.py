"""Tells where the stacks of a user are kept."""

from pathlib import Path
from typing import Final

from lab.settings import LabSettings
from lab.targets.processes.folder import StackFolder

STACKS: Final = "stacks"
"""Name of the folder of all stacks of a user."""


def stacks_folder(settings: LabSettings) -> Path:
    """Return the folder of all stacks, also of those of other projects."""
    return settings.state_dir / STACKS


def kept_folder(settings: LabSettings) -> StackFolder:
    """Return where the kept stack of this project is, or would be."""
    return StackFolder(stacks_folder(settings) / f"kept-{settings.project_key}")
