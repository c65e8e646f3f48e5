"""Limits of a batch, a run and a query that both sides of the wire keep."""

from datetime import UTC, datetime

MAX_BATCH_EVENTS = 5_000
"""Events of one batch. An event then costs the store 0.35 µs, and 2.1 µs in batches of 500."""
LARGEST_DEFAULT_BATCH = 500
"""Events of a batch whose size follows the rate of a load, at most (D35)."""
MAX_REQUEST_BYTES = 1 << 20
"""Bytes of an AppendRequest: far below the 4 MiB at which gRPC itself refuses, without a reason of ours."""
MAX_NAME_BYTES = 256
"""UTF-8 bytes of a source or a kind. The store keeps both in the name of every aggregate."""
MAX_SEQUENCE = 2**53 - 1
"""Largest sequence of a producer. The store's Lua holds numbers as float64, which are exact up to here."""
MAX_VALUE = 2.0**45
"""Largest magnitude of a value. Its micro-units stay below 2^65, which two float64 limbs hold (D27)."""
MAX_RUN_BYTES = 80
"""UTF-8 bytes of a run's name, which is part of the run's keys in the store."""
MAX_KEYS_PER_RUN = 10_000
"""(source, kind) pairs of one run, so that random names cannot fill the store. The store's functions keep the limit."""
MAX_DICTIONARY_NAMES = MAX_KEYS_PER_RUN
"""Names of one dictionary of a batch. No run could use more of them."""
MAX_PAGE_ROWS = 10_000
"""Rows of one page. An answer is limited by its size, never by the age of what it shows."""
PRODUCER_ID_BYTES = 16
"""Bytes of a producer's id: 128 random bits, so that no two producers draw the same."""
MAX_UPLOAD_BYTES = 64 << 20
"""Bytes of a file to replay that is sent to a simulator. The simulator reads the file into a small board's memory."""
UPLOAD_CHUNK_BYTES = 1 << 20
"""Bytes of one message of an upload, below gRPC's own limit of 4 MiB."""
MAX_DURATION_S = 86_400.0
"""Seconds of a load run: a day."""
MAX_BATCHES = 10_000_000
"""Batches of a load run. The simulator keeps 50 bytes of each until the report is sent; a day at the usual hundred
batches a second has 8.6 million."""

NANOS = 1_000_000_000
"""Nanoseconds of a second."""
MIN_TIME_NS = int(datetime(1900, 1, 1, tzinfo=UTC).timestamp()) * NANOS
"""First time of an event, in nanoseconds since the epoch. An older time is most likely in a wrong unit."""
MAX_TIME_NS = int(datetime(2200, 1, 1, tzinfo=UTC).timestamp()) * NANOS
"""First time that is too late, in nanoseconds since the epoch. It leaves room below 2^63."""
DEFAULT_WINDOW_NS = NANOS
"""Nanoseconds of a window where a request names no width."""
MIN_WINDOW_NS = 1_000_000
"""One millisecond: window numbers of 300 years then stay far below 2^53, which the store can hold exactly."""

MAX_COMMIT_ENTRIES = 1_024
"""Stream entries of one commit. Lua returns the stale ones by `unpack`, which fails near 8,000."""
MAX_COMMIT_EVENTS = 2**19
"""Events of one commit. float64 sums the limbs of so many events exactly (D27)."""
MAX_COMMIT_AGGREGATES = 4_096
"""Window aggregates of one commit. A batch with more of them is refused, since no commit could hold the batch."""

OLDEST_STORE = (7, 0)
"""First version of Redis with functions, in which the ledger is kept."""

EVENT_SCHEMA = 1
"""Version of the layout of an EventBatch."""
