"""Opens a client of the store, as the settings say."""

from pathlib import Path
from urllib.parse import urlsplit

import redis
from pydantic import Field
from pydantic_settings import BaseSettings
from redis.backoff import NoBackoff
from redis.retry import Retry

from services.contracts.store_keys import NAMESPACE


class StoreSettings(BaseSettings, frozen=True, env_prefix="LAB_"):
    """Address of the store, and how to log in."""

    redis_url: str = "redis://127.0.0.1:6379/0"
    """Host, port, database; `rediss://` for TLS. An unconfigured Redis listens at the default."""
    redis_user: str = ""
    """User that logs in, where the URL names none; empty is the store's default user."""
    redis_password_file: Path | None = None
    """File that holds the password of that user."""
    redis_ca_file: Path | None = None
    """CA that signed the store's certificate, for `rediss://`."""
    store_namespace: str = Field(NAMESPACE, pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")
    """Part of every key, so that several stacks can share one store."""
    redis_timeout_s: float = Field(5.0, gt=0, le=60)
    """Seconds a call may take. A blocking read waits at most half as long."""

    @property
    def where(self) -> str:
        """host:port of the store, for messages. A login in the URL is left out."""
        return urlsplit(self.redis_url).netloc.rpartition("@")[2]


def open_client(settings: StoreSettings) -> redis.Redis:
    """Return a client that never repeats a call by itself.

    redis-py retries ten times by default, which duplicates writes whose reply was lost (`ARCHITECTURE.md` D10). Only
    the caller knows whether repeating is safe.
    """
    password = settings.redis_password_file.read_text().strip() if settings.redis_password_file else None
    tls = {"ssl_ca_certs": str(settings.redis_ca_file)} if settings.redis_ca_file else {}
    client: redis.Redis = redis.Redis.from_url(
        settings.redis_url,
        username=settings.redis_user or None,
        password=password,
        protocol=2,
        socket_timeout=settings.redis_timeout_s,
        socket_connect_timeout=settings.redis_timeout_s,
        socket_keepalive=True,
        retry=Retry(NoBackoff(), 0),
        **tls,
    )
    return client
