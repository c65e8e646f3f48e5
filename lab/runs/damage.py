"""Says that a file of a run cannot be read, and what to do about it."""

from pathlib import Path
from typing import Final

from lab.errors import DataFault

CORRUPT: Final = "CORRUPT_RUN"
OTHER_REVISION: Final = "read it with the revision in its run.json (environment.git_sha)"
"""The next step where another version of the lab wrote a run."""
MEASURE_AGAIN: Final = "restore the folder from a copy, or run its notebook again"
"""The next step where a file of a run is damaged."""
SHOWN_CHARACTERS: Final = 200
"""Of the reason why a file cannot be read."""


def damaged(file: Path, why: object, *, next_step: str = MEASURE_AGAIN) -> DataFault:
    """Return the error for a file of a run that cannot be read.

    Args:
        file: The file.
        why: What is wrong with it: an error, or words.
        next_step: The way out.
    """
    return DataFault(
        f"cannot read the run in {file.parent}",
        found=f"{file.name}: {str(why)[:SHOWN_CHARACTERS]}",
        next_step=next_step,
        code=CORRUPT,
    )


def unknown_value(kind: str, why: object) -> DataFault:
    """Return the error for a recorded value that this revision cannot read.

    Args:
        kind: Name of the value's type in the file.
        why: What is wrong with it: an error, or words.
    """
    return DataFault(f"a recorded {kind} cannot be read", found=str(why), next_step=OTHER_REVISION, code=CORRUPT)
