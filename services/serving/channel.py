"""Opens channels to other services, with TLS and token as the settings say."""

import json
from typing import Final

import grpc
import grpc.aio

from services.serving.settings import ServiceSettings, read_secret

WEIGHTS: Final = {"blackoutPeriod": "1s", "weightUpdatePeriod": "1s"}
"""A new server counts like the average of the others for a second; then its own reports give its weight."""
OPTIONS: Final = (
    # Only the user of a channel knows whether repeating a call is safe.
    ("grpc.enable_retries", 0),
    # No proxy stands between two services, whatever the user's shell says.
    ("grpc.enable_http_proxy", 0),
    ("grpc.service_config", json.dumps({"loadBalancingConfig": [{"weighted_round_robin": WEIGHTS}]})),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    # A killed service is back on the same port within a second.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 500),
    ("grpc.max_receive_message_length", -1),
)
"""Calls go to all addresses of a name, such as a headless Service, and most of them to fast servers (`load_report`)."""


def open_aio_channel(address: str, settings: ServiceSettings) -> grpc.aio.Channel:
    """Return a channel for asyncio, with TLS where a CA is set."""
    credentials = _credentials(settings)
    if credentials is None:
        return grpc.aio.insecure_channel(address, OPTIONS)
    return grpc.aio.secure_channel(address, credentials, OPTIONS)


def call_metadata(settings: ServiceSettings) -> tuple[tuple[str, str], ...]:
    """Return the metadata of every call: the token, where there is one."""
    if not settings.token_file:
        return ()
    token = read_secret(settings.token_file, "LAB_TOKEN_FILE").decode().strip()
    return (("authorization", f"Bearer {token}"),)


def _credentials(settings: ServiceSettings) -> grpc.ChannelCredentials | None:
    if not settings.tls_ca_file:
        return None
    return grpc.ssl_channel_credentials(read_secret(settings.tls_ca_file, "LAB_TLS_CA_FILE"))
