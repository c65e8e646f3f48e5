"""Channels to the services of a stack: with a token and over TLS where the stack asks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import grpc

from lab.errors import BadConfig
from lab.rpc.bearer import Bearer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lab.model import Access

    Connect = Callable[[str], grpc.Channel]
    """Opens a channel to host:port."""

MAX_MESSAGE_BYTES: Final = 64 << 20
"""A page of 10,000 rows with names of 256 bytes, or of the producer ledger, is larger than gRPC's default of 4 MiB."""
OPTIONS: Final = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.enable_http_proxy", 0),
    ("grpc.max_reconnect_backoff_ms", 500),
)
"""No proxy is used; a restarted service is reached again within half a second."""


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
    bearer = Bearer(_content(access.token_file).decode().strip())
    return lambda address: grpc.intercept_channel(open_channel(address), bearer)


def _over_tls(ca_file: Path) -> Connect:
    credentials = grpc.ssl_channel_credentials(_content(ca_file))
    return lambda address: grpc.secure_channel(address, credentials, options=OPTIONS)


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        step = "lab down, then lab up      (makes the stack's secrets anew)"
        raise BadConfig(f"cannot read {file.name}", found=str(error), next_step=step) from error
