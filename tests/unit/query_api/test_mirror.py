"""A cache that cannot be kept in its file says what failed."""

import errno
import sqlite3
from pathlib import Path

import pytest

from services.ledger.connection import StoreSettings
from services.ledger.records import StoreFacts
from services.ledger.redis_ledger import RedisLedger
from services.query_api import mirror
from services.query_api.cache import FILE_NAME, Cache


class Unconnected(RedisLedger):
    """A ledger whose store is known and was never asked."""

    def facts(self) -> StoreFacts:
        """See `StoreSession.facts`."""
        return StoreFacts("epoch", "durable")


def failed(code: int) -> sqlite3.DatabaseError:
    """Return an error of SQLite with that result code."""
    error = sqlite3.DatabaseError("it failed")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "disk_full"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "disk_full"),
        (OSError(errno.EROFS, "Read-only file system"), "read_only"),
        (failed(sqlite3.SQLITE_FULL), "disk_full"),
        (failed(sqlite3.SQLITE_IOERR_WRITE), "disk_full"),
        (failed(sqlite3.SQLITE_READONLY), "read_only"),
        (failed(sqlite3.SQLITE_CANTOPEN), "read_only"),
        (failed(sqlite3.SQLITE_NOTADB), "damaged"),
        (sqlite3.DatabaseError("the cache is ahead of the store"), "damaged"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_damaged_cache_that_cannot_be_rebuilt_names_what_failed(
    error: OSError | sqlite3.DatabaseError, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cache is kept in memory then; a full disk is not a folder that cannot be written."""
    (tmp_path / FILE_NAME).write_bytes(b"no database at all, just text " * 400)

    class Unmade(Cache):
        """A cache whose new file cannot be made."""

        def __init__(self, path: Path | None) -> None:
            if path is not None and not path.exists():
                raise error
            super().__init__(path)

    monkeypatch.setattr(mirror, "Cache", Unmade)
    cache = mirror.Mirror(Unconnected(StoreSettings(redis_url="redis://127.0.0.1:1/0"), "query"), tmp_path)

    assert cache.degraded == reason
    cache.close()


def test_a_damaged_cache_that_can_be_rebuilt_is_kept_in_its_file(tmp_path: Path) -> None:
    """Nothing has failed then."""
    (tmp_path / FILE_NAME).write_bytes(b"no database at all, just text " * 400)
    cache = mirror.Mirror(Unconnected(StoreSettings(redis_url="redis://127.0.0.1:1/0"), "query"), tmp_path)

    assert cache.degraded == ""
    cache.close()
