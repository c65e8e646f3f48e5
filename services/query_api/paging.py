"""Makes and reads page tokens: where a page ended, bound to the query it belongs to. Pure."""

import base64
import hashlib
import json
from typing import Any, Final, TypeGuard

from services.query_api.cache import Key
from services.serving.invalid import InvalidRequest

DIGEST_BYTES: Final = 6
END: Final = 2**62
"""Above the number of every window."""
MOST_CHARACTERS: Final = 4_096
"""A token holds two names of 256 bytes, which JSON and base64 can make four times as long."""


def token_of(query: object, last: Key) -> str:
    """Return the token of the page after the page that ended with *last*."""
    return base64.urlsafe_b64encode(json.dumps([_digest(query), *last]).encode()).decode()


def key_of(query: object, token: str) -> Key | None:
    """Return the last key of the previous page; None for the first page.

    Raises:
        InvalidRequest: The token is none of this query.
    """
    if not token:
        return None
    try:
        digest, number, source, kind = _parts(token)
    except (ValueError, TypeError, RecursionError):
        pass
    else:
        if digest == _digest(query) and _is_number(number) and _is_name(source) and _is_name(kind):
            return Key(number, source, kind)
    raise InvalidRequest("BAD_TOKEN", "page_token", "it is no token of this query")


def _parts(token: str) -> Any:  # noqa: ANN401  whatever the caller wrote
    if len(token) > MOST_CHARACTERS:
        raise ValueError(token)
    return json.loads(base64.urlsafe_b64decode(token))


def _is_number(value: object) -> TypeGuard[int]:
    return type(value) is int and abs(value) < END


def _is_name(text: object) -> TypeGuard[str]:
    return isinstance(text, str) and text.isprintable()


def _digest(query: object) -> str:
    return hashlib.blake2b(repr(query).encode(), digest_size=DIGEST_BYTES).hexdigest()
