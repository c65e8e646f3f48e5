"""What the simulator reads from its environment."""

from pydantic import Field

from services.serving.settings import ServiceSettings


class SimulatorSettings(ServiceSettings, frozen=True, env_prefix="LAB_"):
    """Serving, and how much may be under way."""

    simulator_in_flight: int = Field(256, ge=1, le=1_000)
    """Batches under way at once. A slower system shows as schedule delay beyond it; above 1,000 a retry might leave the
    window within which ingest-api recognises it."""
