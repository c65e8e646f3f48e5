"""Settings that the simulator reads from its environment."""

from pydantic import Field

from services.serving.settings import ServiceSettings


class SimulatorSettings(ServiceSettings, frozen=True, env_prefix="LAB_"):
    """Serving, and the limit of batches under way."""

    simulator_in_flight: int = Field(256, ge=1, le=1_000)
    """Most batches under way at once; beyond it a slower system shows as schedule delay. Above 1,000 a retry may leave
    the window within which ingest-api recognises it."""
