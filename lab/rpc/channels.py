"""Channels to the services of a stack: with a token and over TLS where the stack asks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import grpc

from lab.rpc.bearer import Bearer
from lab.settings import text_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lab.model import Access

    Connect = Callable[[str], grpc.Channel]
    """Opens a channel to host:port."""

MAX_MESSAGE_BYTES: Final = 64 << 20
"""gRPC refuses messages above 4 MiB unless told otherwise; a page of 10,000 rows with long names, or of the producer
ledger, is larger."""
OPTIONS: Final = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.enable_http_proxy", 0),
    ("grpc.max_reconnect_backoff_ms", 500),
)
"""No proxy is used; a restarted service is reached again within half a second."""
NEW_SECRETS: Final = "lab down, then lab up      (makes new secrets; on a cluster, with --target kubernetes)"


def plaintext(address: str) -> grpc.Channel:
    """Open a channel without TLS."""
    return grpc.insecure_channel(address, options=OPTIONS)


def connector(access: Access) -> Connect:
    """Return the function that opens channels to a stack.

    Raises:
        BadConfig: A file that the access names cannot be read.
    """
    open_channel = plaintext if access.ca_file is None else _over_tls(access.ca_file)
    if access.token_file is None:
        return open_channel
    bearer = Bearer(text_of(access.token_file, next_step=NEW_SECRETS))
    return lambda address: grpc.intercept_channel(open_channel(address), bearer)


def _over_tls(ca_file: Path) -> Connect:
    credentials = grpc.ssl_channel_credentials(text_of(ca_file, next_step=NEW_SECRETS).encode())
    return lambda address: grpc.secure_channel(address, credentials, options=OPTIONS)
