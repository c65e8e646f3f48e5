"""Settings that ingest-api reads from its environment."""

from pydantic import Field

from services.ledger.connection import StoreSettings
from services.serving.settings import ServiceSettings


class IngestSettings(ServiceSettings, StoreSettings, frozen=True, env_prefix="LAB_"):
    """Serving, the store, and the limits of the backlog."""

    ingest_backlog_limit: int = Field(1_000_000, ge=1, le=100_000_000)
    """Events accepted and not counted, dead letters included. Beyond it batches are refused. About 25 MB."""
    ingest_backlog_bytes: int = Field(128 << 20, ge=1 << 20, le=1 << 40)
    """Bytes that these events take in the store. A million events that are sent one by one would take 320 MB."""
    ingest_store_wait_s: float = Field(20.0, ge=0, le=600)
    """Seconds to wait at start for a store that is starting or loading its data."""
