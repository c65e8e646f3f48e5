"""Names of runs: time, four random characters, purpose."""

import re
import secrets
from datetime import UTC, datetime
from typing import Final

from lab.errors import UsageFault

ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"
"""Lacks characters that look alike."""
LEGAL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""Every id."""
RANDOM_CHARACTERS: Final = 4
LONGEST_PURPOSE: Final = 32
SHOWN_CHARACTERS: Final = 80
"""Of an id that is refused."""
MADE: Final = re.compile(rf"\d{{4}}-\d\d-\d\d-\d{{6}}-[{ALPHABET}]{{{RANDOM_CHARACTERS}}}-[a-z0-9-]+")
"""An id that `new_name` made."""


def new_name(purpose: str, now: datetime) -> str:
    """Return the name of a run that begins now.

    >>> new_name("quickstart", datetime(2026, 11, 23, 6, 53, 12, tzinfo=UTC))[:18]
    '2026-11-23-065312-'
    """
    random = "".join(secrets.choice(ALPHABET) for _ in range(RANDOM_CHARACTERS))
    slug = re.sub(r"[^a-z0-9]+", "-", purpose.lower())[:LONGEST_PURPOSE].strip("-") or "run"
    return f"{now.astimezone(UTC):%Y-%m-%d-%H%M%S}-{random}-{slug}"


def is_made_here(name: str) -> bool:
    """Return whether a folder of that name can only be a run, even without a manifest."""
    return MADE.fullmatch(name) is not None


def checked_name(name: str) -> str:
    """Return the name.

    Raises:
        UsageFault: The name cannot be the id of a run.
    """
    if not LEGAL.fullmatch(name):
        raise UsageFault(
            f"{name[:SHOWN_CHARACTERS]!r} cannot be the id of a run",
            found="an id has 1 to 64 letters, digits, dots, dashes or underscores, and begins with a letter or digit",
            next_step="give no id: a run then gets a name by itself",
            code="BAD_RUN_ID",
        )
    return name
