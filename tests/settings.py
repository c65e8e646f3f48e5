"""Keeps the user's settings away from the tests."""

import os
from typing import Final

OF_TESTS: Final = frozenset(
    {
        "LAB_CLUSTER",
        "LAB_TESTS",
        "LAB_SNAPSHOTS",
        "LAB_SOAK_SECONDS",
        "LAB_CHAOS_SCHEDULES",
        "LAB_CHAOS_CUT_SCHEDULES",
        "LAB_HELD_SECONDS",
        "LAB_HIDE_PATH_SERVERS",
    }
)
"""Variables for the tests themselves; the Makefile sets them."""


def forget_settings() -> None:
    """Remove every setting of the lab but those of the tests, so that an exported setting changes no result."""
    for name in {name for name in os.environ if name.startswith("LAB_")} - OF_TESTS:
        del os.environ[name]
