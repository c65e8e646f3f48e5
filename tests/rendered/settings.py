"""What the tests of the collector's configuration read from the environment."""

import shutil
from pathlib import Path

from pydantic_settings import BaseSettings


class CollectorSettings(BaseSettings, frozen=True, env_prefix="LAB_"):
    """Which collector judges the configuration."""

    otelcol: Path | None = None
    """Its program; without it PATH is looked at."""

    def program(self) -> Path | None:
        """The collector, or None."""
        names = ("otelcol", "otelcol-contrib", "otelcol-lab")
        found = self.otelcol or next((path for name in names if (path := shutil.which(name))), None)
        return Path(found) if found else None
