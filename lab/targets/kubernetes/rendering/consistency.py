"""Refuses a request that contradicts itself. Pure."""

from urllib.parse import urlsplit

from lab.errors import BadConfig, UsageFault
from lab.systems.services import SERVICES
from lab.targets.kubernetes.rendering.request import RenderRequest


def require_consistent(request: RenderRequest) -> None:
    """Raise where a request contradicts itself.

    Raises:
        UsageFault: A workload is missing or duplicate.
        BadConfig: There is no store, there are two stores, or an address holds a password.
    """
    deployments = [workload.deployment for workload in request.workloads]
    missing = [name for name in (*SERVICES, "otel-collector") if not request.replicas_of(name)]
    duplicates = sorted({name for name in deployments if deployments.count(name) > 1})
    if missing or duplicates:
        counts = f"missing: {', '.join(missing) or 'none'}; duplicate: {', '.join(duplicates) or 'none'}"
        raise UsageFault(
            "a stack needs every service once per architecture, and one collector",
            found=counts,
            next_step="change the workloads of the request",
        )
    if request.redis_url and request.has("redis"):
        raise _two_servers("redis", request.redis_url)
    if not request.redis_url and not request.has("redis"):
        raise BadConfig(
            "no redis for the stack",
            found="neither redis_url (outside the cluster) nor redis_image (inside) is set",
            next_step="export LAB_REDIS_URL=redis://host:port/0",
        )
    if request.remote_write_url and request.has("prometheus"):
        raise _two_servers("prometheus", request.remote_write_url)
    for url in (request.redis_url, request.remote_write_url, *request.settings.values()):
        _require_no_password(url)


def _two_servers(name: str, url: str) -> BadConfig:
    return BadConfig(
        f"two servers of {name} for the stack",
        found=f"one inside the cluster, another at {url}",
        next_step=f"leave one of them out: unset LAB_{name.upper()}_IMAGE",
    )


def _require_no_password(url: str) -> None:
    if "://" in url and (password := urlsplit(url).password):
        shown = url.replace(password, "…")
        raise BadConfig(
            "an address holds a password", found=shown, next_step="put the password into a file, and name the file"
        )
