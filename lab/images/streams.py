"""A blob as it arrives: hashed while it is read, refused when it is not what its digest says."""

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
        """It is."""
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        """*size* bytes, fewer only at the end; all that are left without a size."""
        wanted = sys.maxsize if size is None or size < 0 else size
        parts = []
        while wanted and self._fill():
            part, self._left = self._left[:wanted], self._left[wanted:]
            parts.append(part)
            wanted -= len(part)
        return b"".join(parts)

    def _fill(self) -> bool:
        """Whether there is something left, after the next chunk was asked for if need be."""
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
            DataFault: The bytes are not what the digest names.
        """
        while self.read(1 << 20):
            pass
        verify(f"sha256:{self._hash.hexdigest()}", self._digest, self._origin)


def digest_of(body: bytes) -> str:
    """The digest that names these bytes.

    >>> digest_of(b"")[:15]
    'sha256:e3b0c442'
    """
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def verify(found: str, wanted: str, origin: str) -> None:
    """DataFault when the digest of what was read is not the one that was named."""
    if found != wanted:
        raise DataFault(
            f"{origin} was changed on its way or in the registry",
            found=f"its bytes are {found}\nthey should be {wanted}",
            next_step="lab images build      (pushes it again)",
            code="DIGEST_MISMATCH",
        )
