"""Makes and reads page tokens: where a page ended, bound to the query it belongs to. Pure."""

import base64
import binascii
import hashlib
import json
from typing import Final

from services.query_api.cache import Key
from services.serving.invalid import InvalidRequest

DIGEST_BYTES: Final = 6


def token_of(query: object, last: Key) -> str:
    """Return the token of the page after the page that ended with *last*."""
    return base64.urlsafe_b64encode(json.dumps([_digest(query), *last]).encode()).decode()


def key_of(query: object, token: str) -> Key | None:
    """Return the last key of the previous page; None for the first page.

    Raises:
        InvalidRequest: The token belongs to another query.
    """
    if not token:
        return None
    try:
        digest, number, source, kind = json.loads(base64.urlsafe_b64decode(token))
        if digest == _digest(query):
            return Key(int(number), str(source), str(kind))
    except (ValueError, TypeError, binascii.Error):
        pass
    raise InvalidRequest("BAD_TOKEN", "page_token", "it belongs to another query")


def _digest(query: object) -> str:
    return hashlib.blake2b(repr(query).encode(), digest_size=DIGEST_BYTES).hexdigest()
