"""Translates the errors of the store's client to our errors."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import redis

from services.ledger.error_replies import error_of_reply
from services.ledger.errors import StoreDenied, StoreLoading, StoreUnreachable

CUT_OFF: Final[Mapping[type[Exception], str]] = {
    redis.exceptions.OutOfMemoryError: "OOM",
    redis.exceptions.NoPermissionError: "NOPERM",
    redis.exceptions.ReadOnlyError: "READONLY",
}
"""Class of the client for an error reply → the first word of the reply, which the client cuts off."""


@contextmanager
def our_errors(where: str) -> Iterator[None]:
    """Raise the errors of `services.ledger.errors` in place of the client's; *where* is the store's address."""
    try:
        yield
    except redis.exceptions.BusyLoadingError as error:
        raise StoreLoading(f"redis {where} is loading its data; retry soon") from error
    except redis.exceptions.AuthenticationError as error:
        advice = "check LAB_REDIS_USER and LAB_REDIS_PASSWORD_FILE"
        raise StoreDenied(f"redis {where} refuses to log in: {error}; {advice}") from error
    except (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError) as error:
        raise StoreUnreachable(f"redis {where}: {error}; the outcome is unknown, retry the same call") from error
    except redis.exceptions.ResponseError as error:
        raise error_of_reply(_whole_reply(error), where) from error


def _whole_reply(error: redis.exceptions.ResponseError) -> str:
    """Return the reply as the server sent it, with the first word that the client may have cut off."""
    cut = next((word for kind, word in CUT_OFF.items() if isinstance(error, kind)), "")
    return str(error) if not cut or str(error).startswith(cut) else f"{cut} {error}"
