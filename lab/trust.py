"""Trust in the certificates that servers show."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from lab.errors import BadConfig

if TYPE_CHECKING:
    from pathlib import Path


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """Return a TLS context that trusts one authority, or the system's authorities where no file is named.

    Raises:
        BadConfig: The file cannot be read, or holds no certificate; or a file that a variable names for TLS, such as
            `SSLKEYLOGFILE`, cannot be opened.
    """
    try:
        return ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
    except OSError as error:
        raise _unusable(ca_file, error) from error


def _unusable(ca_file: Path | None, error: OSError) -> BadConfig:
    why = "it holds no certificate" if isinstance(error, ssl.SSLError) else str(error.strerror or error)
    # Python names the file that it cannot open, unless that is the CA's.
    if ca_file is None or error.filename:
        step = "env | grep ^SSL      (shows the files that variables name for TLS)"
        return BadConfig("cannot prepare TLS", found=f"{error.filename or 'TLS'}: {why}", next_step=step)
    step = "lab config show      (shows its setting)"
    return BadConfig(f"cannot read the CA in {ca_file}", found=why, next_step=step)
