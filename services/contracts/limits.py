"""Limits of a batch, a run and a query that both sides of the wire keep."""

from datetime import UTC, datetime

MAX_BATCH_EVENTS = 5_000
MAX_REQUEST_BYTES = 1 << 20
MAX_NAME_BYTES = 256
MAX_SEQUENCE = 2**53 - 1
MAX_VALUE = 2.0**45
MAX_RUN_BYTES = 80
MAX_KEYS_PER_RUN = 10_000
MAX_PAGE_ROWS = 10_000
PRODUCER_ID_BYTES = 16
MAX_UPLOAD_BYTES = 64 << 20
"""Size of a file to replay that is sent to a simulator. The simulator reads the file into a small board's memory."""
UPLOAD_CHUNK_BYTES = 1 << 20

NANOS = 1_000_000_000
MIN_TIME_NS = int(datetime(1900, 1, 1, tzinfo=UTC).timestamp()) * NANOS
MAX_TIME_NS = int(datetime(2200, 1, 1, tzinfo=UTC).timestamp()) * NANOS
DEFAULT_WINDOW_NS = NANOS
MIN_WINDOW_NS = 1_000_000
"""One millisecond: window numbers of 300 years then stay far below 2^53, which the store can hold exactly."""

MAX_COMMIT_ENTRIES = 1_024
MAX_COMMIT_EVENTS = 2**19
MAX_COMMIT_AGGREGATES = 4_096
"""Window aggregates of one commit. A batch with more of them is refused, since no commit could hold the batch."""

EVENT_SCHEMA = 1
