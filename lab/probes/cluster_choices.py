"""Tells what the settings choose for a stack on a cluster."""

from collections.abc import Mapping
from typing import Final

from lab.errors import LabError
from lab.images.lock import FILE_NAME, read_lock
from lab.probes.error_text import text_of_error
from lab.settings import LabSettings
from lab.snapshots.choices import ImageSetting, LockedImage, LockProbe, SettingsProbe, Source
from lab.systems.services import SERVICES
from lab.targets.kubernetes.rendering.from_settings import architectures_of, single_images
from lab.targets.kubernetes.rendering.never_applied import PINNED
from lab.targets.kubernetes.rendering.placement import labels_in, tolerations_in

SETTINGS: Final[Mapping[str, str]] = {
    "otel-collector": "LAB_COLLECTOR_IMAGE",
    "redis": "LAB_REDIS_IMAGE",
    "prometheus": "LAB_PROMETHEUS_IMAGE",
}
"""Workload that a stack has once → the setting that names its image."""


def choices_on_a_cluster(settings: LabSettings) -> SettingsProbe:
    """Return what the settings choose for a stack on a cluster."""
    singles = single_images(settings)
    return SettingsProbe(
        architectures=architectures_of(settings),
        node_selector=labels_in(settings.node_selector),
        tolerations=tolerations_in(settings.tolerations),
        tolerations_text=settings.tolerations,
        adopt=settings.adopt,
        registry=settings.registry,
        registry_is_plain=settings.registry_insecure,
        images=tuple(
            ImageSetting(SETTINGS[workload], image, bool(PINNED.fullmatch(image)))
            for workload, image in singles.items()
        ),
        lock=_lock(settings),
        store=_source(settings.redis_url, settings.redis_image),
        redis_url=settings.redis_url,
        prometheus=_source(settings.prometheus_url, settings.prometheus_image),
        prometheus_url=settings.prometheus_url,
        remote_write_url=settings.remote_write_url,
    )


def _lock(settings: LabSettings) -> LockProbe:
    """Return what the lock holds of every service on every architecture."""
    try:
        lock = read_lock(settings.project / FILE_NAME)
    except LabError as error:
        return LockProbe(error=text_of_error(error))
    wanted = [(service, architecture) for service in SERVICES for architecture in architectures_of(settings)]
    held = [place for place in wanted if place[1] in lock.images.get(place[0], {})]
    return LockProbe(
        registry=lock.registry,
        tag=lock.tag,
        images=tuple(LockedImage(*place, lock.reference(*place)) for place in held),
        missing=tuple(place for place in wanted if place not in held),
    )


def _source(url: str, image: str) -> Source:
    if url:
        return "outside"
    return "inside" if image else ""
