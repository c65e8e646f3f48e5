"""What the rig reads from the environment."""

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings


class ClusterSettings(BaseSettings, frozen=True, env_prefix="LAB_", env_ignore_empty=True):
    """Whether the tests of the cluster have to run."""

    cluster: Literal["optional", "required"] = Field("optional")
    """`required`: where the rig cannot run, its tests fail; else they are skipped, with one line that says why."""
    snapshots: Path | None = None
    """Where looks at faults are kept, to become data of the tests of the rules; None keeps none."""
    soak_seconds: float = Field(180.0, gt=0)
    """How long a healthy stack is watched under load; `make soak` takes half an hour."""
