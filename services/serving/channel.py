"""Channels to other services, with what the settings say about trust."""

from typing import Final

import grpc
import grpc.aio

from services.serving.settings import ServiceSettings

OPTIONS: Final = (
    ("grpc.enable_retries", 0),
    ("grpc.lb_policy_name", "round_robin"),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 500),
    ("grpc.max_receive_message_length", -1),
)
"""A name with several addresses, as a headless Service has, is several servers, each with its share of the calls. No
retries in the channel: ours happen where it is known that repeating is safe. A service that was killed comes back
on the same port within a second, so reconnecting is tried often."""


def open_aio_channel(address: str, settings: ServiceSettings) -> grpc.aio.Channel:
    """A channel for asyncio; TLS where a CA is set."""
    credentials = _credentials(settings)
    if credentials is None:
        return grpc.aio.insecure_channel(address, OPTIONS)
    return grpc.aio.secure_channel(address, credentials, OPTIONS)


def call_metadata(settings: ServiceSettings) -> tuple[tuple[str, str], ...]:
    """The token, for every call."""
    if not settings.token_file:
        return ()
    return (("authorization", f"Bearer {settings.token_file.read_text().strip()}"),)


def _credentials(settings: ServiceSettings) -> grpc.ChannelCredentials | None:
    return grpc.ssl_channel_credentials(settings.tls_ca_file.read_bytes()) if settings.tls_ca_file else None
