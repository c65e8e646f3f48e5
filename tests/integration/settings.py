"""Settings that the integration tests read from the environment."""

from pydantic import Field
from pydantic_settings import BaseSettings


class ChaosSettings(BaseSettings, frozen=True, env_prefix="LAB_CHAOS_"):
    """Length of `make chaos`."""

    schedules: int = Field(6, ge=1, le=10_000)
    """Seeded kill schedules; each takes about fifteen seconds."""
    cut_schedules: int = Field(4, ge=1, le=10_000)
    """Seeded schedules of cut connections, stops and kills; each takes about fifteen seconds."""
