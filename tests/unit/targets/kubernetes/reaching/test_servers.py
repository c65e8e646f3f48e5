"""Where the servers of a stack are, by its settings."""

from pathlib import Path
from typing import Final

import pytest

from lab.model import Access
from lab.settings import LabSettings
from lab.targets.kubernetes.reaching.servers import SCRAPE_NEEDS, servers_of

ACCESS: Final = Access(Path("ca.crt"), Path("token"))
IMAGE: Final = "h:5000/server@sha256:" + "a" * 64
STORE, METRICS = "redis://h:6379/0", "http://h:9090"


@pytest.mark.parametrize(
    ("given", "store", "metrics", "inside"),
    [
        ({"redis_url": STORE, "prometheus_url": METRICS}, STORE, METRICS, False),
        ({"redis_image": IMAGE, "prometheus_url": METRICS}, "redis://redis.board.svc:6379/0", METRICS, False),
        ({"redis_url": STORE, "prometheus_image": IMAGE}, STORE, "http://prometheus.board.svc:9090", True),
        (
            {"redis_url": STORE, "redis_image": IMAGE, "prometheus_url": METRICS, "prometheus_image": IMAGE},
            STORE,
            METRICS,
            False,
        ),
        ({}, "", "", False),
    ],
    ids=["outside", "store inside", "metrics inside", "URLs win", "nowhere"],
)
def test_a_server_is_where_the_settings_say(given: dict[str, str], store: str, metrics: str, *, inside: bool) -> None:
    """A server inside is called by the name of its Service in the namespace of the stack."""
    servers = servers_of(LabSettings.model_validate({"namespace": "board", **given}), ACCESS)
    assert (servers.endpoints.redis_url, servers.endpoints.prometheus_url) == (store, metrics)
    assert (servers.metrics_inside, servers.endpoints.access) == (inside, ACCESS)


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ({"prometheus_url": METRICS, "remote_write_url": "none"}, SCRAPE_NEEDS),
        ({"prometheus_url": METRICS}, ""),
        ({"prometheus_image": IMAGE, "remote_write_url": "none"}, ""),
    ],
)
def test_only_a_server_of_others_needs_a_hint_for_its_scrape(given: dict[str, str], hint: str) -> None:
    """The lab configures the server inside the cluster itself."""
    assert servers_of(LabSettings.model_validate(given), ACCESS).metrics_hint == hint
