"""The certificates of the authority that signed a server's own."""

import ssl
from pathlib import Path

from lab.errors import BadConfig


def trusted(ca_file: Path | None) -> ssl.SSLContext:
    """Trust in one authority, or in the system's where no file is named.

    Raises:
        BadConfig: The file cannot be read, or holds no certificate.
    """
    try:
        return ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
    except OSError as error:
        why = "it holds no certificate" if isinstance(error, ssl.SSLError) else str(error.strerror or error)
        raise BadConfig(
            f"cannot read the CA in {ca_file}", found=why, next_step="lab config show      (says who names it)"
        ) from error
