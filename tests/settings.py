"""What tests take from the environment of whoever runs them."""

import os
from typing import Final

OF_TESTS: Final = frozenset(
    {"LAB_CLUSTER", "LAB_SNAPSHOTS", "LAB_SOAK_SECONDS", "LAB_CHAOS_SCHEDULES", "LAB_HIDE_PATH_SERVERS"}
)
"""Variables that are about the tests themselves; the Makefile sets them."""


def forget_settings() -> None:
    """Take out every setting of the lab but those of the tests, so that an exported one changes no result."""
    for name in {one for one in os.environ if one.startswith("LAB_")} - OF_TESTS:
        del os.environ[name]
