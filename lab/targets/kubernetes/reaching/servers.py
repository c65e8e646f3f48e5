"""Tells from the settings where the store and the metrics server of a stack are."""

from dataclasses import dataclass
from typing import Final

from lab.model import Access, Endpoints
from lab.settings import LabSettings
from lab.targets.kubernetes.rendering.from_settings import is_scraped, single_images

SCRAPE_NEEDS: Final = "its scrape needs honor_labels: true (manifests/README.md)"


@dataclass(frozen=True, slots=True)
class Servers:
    """Where store and metrics server of a stack are.

    Attributes:
        endpoints: Their URLs as the settings name them, and how calls are secured.
        metrics_inside: Whether the metrics server runs in the cluster, where only a port-forward reaches it.
        metrics_hint: A possible cause of a missing metric; empty without a hint.
    """

    endpoints: Endpoints
    metrics_inside: bool = False
    metrics_hint: str = ""


def servers_of(settings: LabSettings, access: Access) -> Servers:
    """Return the servers of a stack: inside the cluster at the name of their Service, else where the settings say.

    Args:
        settings: Name the namespace, and the URL or the image of each server.
        access: How calls to the services are secured.
    """
    inside, domain = single_images(settings), f"{settings.namespace}.svc"
    return Servers(
        Endpoints(
            redis_url=f"redis://redis.{domain}:6379/0" if "redis" in inside else settings.redis_url,
            prometheus_url=f"http://prometheus.{domain}:9090" if "prometheus" in inside else settings.prometheus_url,
            access=access,
        ),
        metrics_inside="prometheus" in inside,
        metrics_hint=SCRAPE_NEEDS if is_scraped(settings) else "",
    )
