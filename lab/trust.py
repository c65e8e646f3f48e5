"""Trust in the certificates that servers show."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from lab.errors import BadConfig

if TYPE_CHECKING:
    from pathlib import Path


def trusted(ca_file: Path | None) -> ssl.SSLContext:
    """Return a TLS context that trusts one authority, or the system's authorities where no file is named.

    Raises:
        BadConfig: The file cannot be read, or holds no certificate.
    """
    try:
        return ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
    except OSError as error:
        why = "it holds no certificate" if isinstance(error, ssl.SSLError) else str(error.strerror or error)
        raise BadConfig(
            f"cannot read the CA in {ca_file}", found=why, next_step="lab config show      (shows its setting)"
        ) from error
