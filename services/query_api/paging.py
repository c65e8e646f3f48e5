"""Makes and reads page tokens: where a page ended, bound to the query it belongs to. Pure."""

import base64
import binascii
import hashlib
import json
from typing import Final

import grpc

from services.contracts.limits import MAX_PAGE_ROWS
from services.query_api.cache import Key
from services.serving.status import Refused

DIGEST_BYTES: Final = 6


def page_size(requested: int, *, default: int) -> int:
    """Return the rows of a page; the default for 0. Raises Refused beyond 10,000."""
    if requested > MAX_PAGE_ROWS:
        message = f"page_size: {requested}, limit {MAX_PAGE_ROWS}"
        raise Refused(grpc.StatusCode.INVALID_ARGUMENT, "BAD_RANGE", message, field="page_size")
    return requested or default


def token_of(query: object, last: Key) -> str:
    """Return the token of the page after the page that ended with *last*."""
    return base64.urlsafe_b64encode(json.dumps([_digest(query), *last]).encode()).decode()


def key_of(query: object, token: str) -> Key | None:
    """Return the last key of the previous page, None for the first page. Raises Refused for another query's token."""
    if not token:
        return None
    try:
        digest, number, source, kind = json.loads(base64.urlsafe_b64decode(token))
        if digest == _digest(query):
            return Key(int(number), str(source), str(kind))
    except (ValueError, TypeError, binascii.Error):
        pass
    message = "page_token: it belongs to another query"
    raise Refused(grpc.StatusCode.INVALID_ARGUMENT, "BAD_TOKEN", message, field="page_token")


def _digest(query: object) -> str:
    return hashlib.blake2b(repr(query).encode(), digest_size=DIGEST_BYTES).hexdigest()
