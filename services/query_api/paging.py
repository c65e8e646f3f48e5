"""Page tokens: where a page ended, tied to the question it belongs to."""

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


def page_size(asked: int, *, default: int, field: str = "page_size") -> int:
    """Rows of a page; Refused beyond 10,000."""
    if asked > MAX_PAGE_ROWS:
        message = f"{field}: {asked}, limit {MAX_PAGE_ROWS}"
        raise Refused(grpc.StatusCode.INVALID_ARGUMENT, "BAD_RANGE", message, field=field)
    return asked or default


def token_of(question: object, last: Key) -> str:
    """The token of the page after the one that ended with *last*."""
    return base64.urlsafe_b64encode(json.dumps([_digest(question), *last]).encode()).decode()


def key_of(question: object, token: str) -> Key | None:
    """Where the page before ended, None for the first page; Refused for a token of another question."""
    if not token:
        return None
    try:
        digest, number, source, kind = json.loads(base64.urlsafe_b64decode(token))
        if digest == _digest(question):
            return Key(int(number), str(source), str(kind))
    except (ValueError, TypeError, binascii.Error):
        pass
    message = "page_token: not one that this question was answered with"
    raise Refused(grpc.StatusCode.INVALID_ARGUMENT, "BAD_TOKEN", message, field="page_token")


def _digest(question: object) -> str:
    return hashlib.blake2b(repr(question).encode(), digest_size=DIGEST_BYTES).hexdigest()
