"""What a batch, a run, a query may hold at most: the bounds both sides of the wire agree on."""

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
"""A file to replay that is sent to a simulator; it has to fit into the memory of a small board when it is read."""
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
"""Window cells of one commit. A batch whose events fall into more cells is refused, since no commit could hold it."""

EVENT_SCHEMA = 1
