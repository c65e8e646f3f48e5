"""Settings that process-worker reads from its environment."""

from pydantic import Field

from services.contracts.takeover import WORKER_IDLE_S
from services.ledger.connection import StoreSettings
from services.serving.settings import ServiceSettings


class WorkerSettings(ServiceSettings, StoreSettings, frozen=True, env_prefix="LAB_"):
    """Serving, the store, and how this worker works."""

    worker_read_entries: int = Field(64, ge=1, le=1_024)
    """Entries read per round. 64 batches of 500 make a commit of 32,000 events, far below its limits, in about 5 ms."""
    worker_block_ms: int = Field(500, ge=1, le=2_500)
    """Milliseconds a read waits for the first entry. A stop is noticed at most this late."""
    worker_nap_ms: float = Field(10.0, ge=0, le=1_000)
    """Pause after a short read, so that the next read returns more. Halves the cost per event at moderate load."""
    worker_idle_s: float = Field(WORKER_IDLE_S, gt=0, le=3_600)
    """Seconds without a heartbeat until another worker's entries are taken over."""
    worker_cost_us: float = Field(0.0, ge=0, le=1_000_000)
    """CPU microseconds burnt per event, which make a slow node or a heavier job visible."""
    worker_crash_on_kind: str = ""
    """For tests: the process kills itself when it handles an event of this kind."""
    worker_keep_windows: int = Field(100_000, ge=1, le=10_000_000)
    """Newest windows of a run that stay in the store. Totals are never removed."""
    worker_keep_runs: int = Field(100, ge=1, le=100_000)
    """Runs used last that stay in the store. Older runs go once they are counted and nobody used them for two hours."""
    worker_stalled_after_s: float = Field(15.0, gt=0)
    """Seconds of backlog without progress until health says NOT_SERVING."""
    worker_give_up_after_s: float = Field(60.0, gt=0)
    """Seconds of backlog without progress until the process ends with 70, to be restarted."""
    worker_store_wait_s: float = Field(20.0, ge=0, le=600)
    """Seconds to wait at start for a store that is starting or loading its data."""
