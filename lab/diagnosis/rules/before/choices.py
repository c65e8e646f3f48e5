"""What the settings choose for a cluster: registry, images, store, metrics server."""

from collections.abc import Iterator, Mapping
from typing import Final

from lab.diagnosis.finding import Finding
from lab.model.image_references import digest_of, shortened, without_version
from lab.snapshots.choices import ImageSetting, LockedImage
from lab.snapshots.images import ImageProbe
from lab.snapshots.snapshot import Snapshot

SHOWN: Final = 3
"""Images that the evidence names."""
REFUSALS: Final[Mapping[str, str]] = {
    "E_REGISTRY_HTTP": "export LAB_REGISTRY_INSECURE=1 && lab registry config",
    "E_REGISTRY_HTTPS": "unset LAB_REGISTRY_INSECURE && lab doctor --target kubernetes",
    "E_REGISTRY_CA": "export LAB_REGISTRY_CA_FILE=/path/ca.crt",
    "FORBIDDEN": "export LAB_REGISTRY_USER=name LAB_REGISTRY_PASSWORD_FILE=/path/to/file",
}
"""Reason of an answer that was not expected → what to set."""


def registry_is_not_named(snapshot: Snapshot) -> Iterator[Finding]:
    """No setting names the registry that the images come from."""
    settings = snapshot.settings
    if settings is not None and not settings.registry:
        yield Finding(
            cause="registry-not-named",
            object="Setting/LAB_REGISTRY",
            title="no registry is configured",
            found="LAB_REGISTRY is not set",
            why="the nodes of a cluster pull the images of the services from a registry",
            do="export LAB_REGISTRY=registry.example:5000",
        )


def registry_refuses(snapshot: Snapshot) -> Iterator[Finding]:
    """The registry answers otherwise than the settings say: another scheme, another CA, a login."""
    for registry in snapshot.probes.registries:
        if registry.reachable and registry.error:
            yield Finding(
                cause="registry-refuses",
                object=f"Registry/{registry.host}",
                title=f"the registry {registry.host} answers otherwise than configured",
                found=registry.error,
                why="the lab, the builder and the nodes have to speak to it as it is",
                do=REFUSALS.get(registry.reason, "lab config show"),
            )


def images_are_not_locked(snapshot: Snapshot) -> Iterator[Finding]:
    """`images.lock` cannot be read, or lacks an image."""
    lock = snapshot.settings.lock if snapshot.settings else None
    if lock is None or not (lock.error or lock.missing):
        return
    lacking = ", ".join(f"{service} for {architecture}" for service, architecture in lock.missing[:SHOWN])
    yield Finding(
        cause="images-not-locked",
        object="File/images.lock",
        title="images.lock does not name every image",
        found=lock.error or f"no image of {lacking}",
        why="a cluster runs the images by the digests in that file",
        do="lab images resolve" if lock.error else "lab images build",
    )


def locked_images_are_wrong(snapshot: Snapshot) -> Iterator[Finding]:
    """Images that `images.lock` names are not in the registry, or are of another architecture."""
    lock = snapshot.settings.lock if snapshot.settings else None
    faults = [
        fault
        for image in (lock.images if lock else ())
        if (probe := snapshot.probes.image(image.reference)) and (fault := _fault(image, probe))
    ]
    if faults:
        more = f"; and {len(faults) - SHOWN} more" if len(faults) > SHOWN else ""
        yield Finding(
            cause="locked-image-wrong",
            object="File/images.lock",
            title="the registry does not hold what images.lock names",
            found="; ".join(faults[:SHOWN]) + more,
            why="they were never pushed there, or were removed",
            do="lab images build",
        )


def image_setting_is_wrong(snapshot: Snapshot) -> Iterator[Finding]:
    """A setting does not name one image of the right architecture by digest."""
    settings = snapshot.settings
    architecture = settings.architectures[0] if settings and settings.architectures else ""
    for image in settings.images if settings else ():
        probe = snapshot.probes.image(image.reference) or ImageProbe(image.reference)
        fault = _setting_fault(image, probe, architecture)
        if fault:
            name = without_version(image.reference) or "host/name"
            digest = digest_of(probe.image_for(architecture)) or "sha256:…"
            yield Finding(
                cause="image-setting",
                object=f"Setting/{image.setting}",
                title=f"{image.setting} does not name one image for {architecture} by digest",
                found=fault,
                why="by a tag or an index the node's runtime would choose the architecture",
                do=f"export {image.setting}={name}@{digest}",
            )


def store_is_not_named(snapshot: Snapshot) -> Iterator[Finding]:
    """No setting says where the store is."""
    settings = snapshot.settings
    if settings is not None and not settings.store:
        yield Finding(
            cause="store-not-named",
            object="Setting/LAB_REDIS_URL",
            title="no store for the stack",
            found="neither outside (redis_url) nor inside (redis_image)",
            why="the ledger is kept in Redis",
            do="export LAB_REDIS_URL=redis://host:6379/0",
        )


def prometheus_is_not_named(snapshot: Snapshot) -> Iterator[Finding]:
    """No setting says where the metrics server is."""
    settings = snapshot.settings
    if settings is not None and not settings.prometheus:
        yield Finding(
            cause="prometheus-not-named",
            object="Setting/LAB_PROMETHEUS_URL",
            title="no metrics server for the stack",
            found="neither outside (prometheus_url) nor inside (prometheus_image)",
            why="metrics are read from Prometheus",
            do="export LAB_PROMETHEUS_URL=http://host:9090",
        )


def _fault(image: LockedImage, probe: ImageProbe) -> str:
    """Return what is wrong with a locked image; empty where it is as it should be."""
    if probe.found is False:
        return f"not there: {shortened(image.reference)}"
    if probe.found is None:
        return f"not told of: {shortened(image.reference)}" + (f" ({probe.error})" if probe.error else "")
    if probe.architecture != image.architecture:
        return f"{shortened(image.reference)} holds {probe.architecture or 'several'}"
    return ""


def _setting_fault(image: ImageSetting, probe: ImageProbe, architecture: str) -> str:
    """Return what is wrong with the image of a setting; empty where it is right, or where the registry is silent."""
    if not image.reference:
        return "not set"
    if not image.is_pinned:
        return f"{image.reference} is not pinned by digest"
    if probe.found is False:
        return f"{shortened(image.reference)} is not there"
    if probe.found and probe.architecture != architecture:
        held = ", ".join(platform.holds for platform in probe.platforms)
        kind = f"for {probe.architecture}" if probe.architecture else f"an index of {held}"
        return f"{shortened(image.reference)} is {kind}; one image for {architecture} is wanted"
    return ""
