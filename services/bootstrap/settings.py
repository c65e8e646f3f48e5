"""Settings that bootstrap reads from its environment."""

from typing import Literal

from pydantic import Field

from services.ledger.connection import StoreSettings


class BootstrapSettings(StoreSettings, frozen=True, env_prefix="LAB_"):
    """The store, and what is demanded of it."""

    require_durability: Literal["", "durable"] = ""
    """`durable` refuses every other class of store. Empty accepts all, and the class is written down."""
    bootstrap_wait_s: float = Field(10.0, ge=0, le=600)
    """Seconds to wait for a store that is starting or loading its data."""
