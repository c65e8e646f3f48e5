"""Settings that query-api reads from its environment."""

from pathlib import Path

from pydantic import Field

from services.ledger.connection import StoreSettings
from services.serving.settings import ServiceSettings


class QuerySettings(ServiceSettings, StoreSettings, frozen=True, env_prefix="LAB_"):
    """Serving, the store, and the folder of the cache."""

    query_cache_dir: Path | None = None
    """Folder of the cache. Empty makes a folder that is removed at the end, since the cache can be rebuilt."""
    query_store_wait_s: float = Field(20.0, ge=0, le=600)
    """Seconds to wait at start for a store that is starting or loading its data."""
