"""Settings of the cluster's tests."""

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings


class ClusterSettings(BaseSettings, frozen=True, env_prefix="LAB_", env_ignore_empty=True):
    """Whether tests of the cluster must run, and for how long."""

    cluster: Literal["optional", "required"] = Field("optional")
    """`required`: the tests fail where the rig cannot run; otherwise they are skipped, with the reason in one line."""
    snapshots: Path | None = None
    """Folder for snapshots of faults, which the tests of the rules use as data; None keeps no snapshots."""
    soak_seconds: float = Field(60.0, gt=0)
    """How long a healthy stack is probed under load; `make soak` takes half an hour."""
