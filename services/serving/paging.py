"""Checks how many rows of a page a caller asks for. Pure."""

from services.contracts.limits import MAX_PAGE_ROWS
from services.serving.invalid import InvalidRequest


def page_size(requested: int, *, default: int) -> int:
    """Return the rows of a page; the default for 0. Raises InvalidRequest beyond the limit.

    >>> page_size(0, default=100), page_size(7, default=100)
    (100, 7)
    """
    if requested > MAX_PAGE_ROWS:
        raise InvalidRequest("BAD_RANGE", "page_size", f"{requested}, limit {MAX_PAGE_ROWS}")
    return requested or default
