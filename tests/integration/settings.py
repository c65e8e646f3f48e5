"""Settings that the integration tests read from the environment."""

from pydantic import Field
from pydantic_settings import BaseSettings


class ChaosSettings(BaseSettings, frozen=True, env_prefix="LAB_CHAOS_"):
    """Length of `make chaos`."""

    schedules: int = Field(3, ge=1, le=10_000)
    """Seeded kill schedules, three at a time; each takes about half a minute."""
    cut_schedules: int = Field(2, ge=1, le=10_000)
    """Seeded schedules of cut connections, stops and kills, two at a time; each takes about half a minute."""


class HeldSettings(BaseSettings, frozen=True, env_prefix="LAB_HELD_"):
    """Length of the load of `make held`."""

    seconds: float = Field(20.0, ge=20, le=86_400)
    """For how long a steady load is put on the embedded stack while its memory is watched."""
