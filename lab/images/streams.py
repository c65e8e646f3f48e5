"""Reads a blob as it arrives, and compares it with its digest."""

import hashlib
import io
import sys
from collections.abc import Iterable

from lab.errors import DataFault


class VerifiedStream(io.RawIOBase):
    """Reads the chunks of a blob; `finish` reads the rest and compares the digest."""

    def __init__(self, chunks: Iterable[bytes], digest: str, origin: str) -> None:
        super().__init__()
        self._chunks, self._digest, self._origin = iter(chunks), digest, origin
        self._hash, self._left = hashlib.sha256(), memoryview(b"")

    def readable(self) -> bool:
        """Return True."""
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        """Return *size* bytes, fewer only at the end; without a size, all that are left."""
        wanted = sys.maxsize if size is None or size < 0 else size
        parts = []
        while wanted and self._fill():
            part, self._left = self._left[:wanted], self._left[wanted:]
            parts.append(part)
            wanted -= len(part)
        return b"".join(parts)

    def _fill(self) -> bool:
        """Read the next chunk where none is left; tell whether there is one."""
        while not self._left:
            chunk = next(self._chunks, None)
            if chunk is None:
                return False
            self._hash.update(chunk)
            self._left = memoryview(chunk)
        return True

    def finish(self) -> None:
        """Read to the end.

        Raises:
            DataFault: The bytes do not have the digest.
        """
        while self.read(1 << 20):
            pass
        verify(f"sha256:{self._hash.hexdigest()}", self._digest, self._origin)


def digest_of(body: bytes) -> str:
    """Return the digest of some bytes.

    >>> digest_of(b"")[:15]
    'sha256:e3b0c442'
    """
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def verify(digest: str, wanted: str, origin: str) -> None:
    """Compare the digest of the bytes that were read with the digest that was asked for.

    Raises:
        DataFault: They differ.
    """
    if digest != wanted:
        raise DataFault(
            f"{origin} was changed on its way or in the registry",
            found=f"its bytes are {digest}\nthey should be {wanted}",
            next_step="lab images build      (pushes it again)",
            code="DIGEST_MISMATCH",
        )
