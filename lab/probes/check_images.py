"""Checks of the registry, and of every image that a stack on a cluster would run."""

from collections.abc import Iterator, Mapping
from typing import Final

from lab.errors import LabError
from lab.images.access import registry_access
from lab.images.lock import FILE_NAME, ImageLock, read_lock
from lab.images.registry import Registry
from lab.probes.check import Check
from lab.probes.registry import probe_images, split_reference
from lab.settings import LabSettings
from lab.snapshots.probes import ImageProbe
from lab.systems.services import SERVICES
from lab.targets.kubernetes.rendering.from_settings import architectures_of, single_images
from lab.targets.kubernetes.rendering.refusals import PINNED

BUILD: Final = "lab images build"
SETTINGS: Final[Mapping[str, str]] = {
    "otel-collector": "LAB_COLLECTOR_IMAGE",
    "redis": "LAB_REDIS_IMAGE",
    "prometheus": "LAB_PROMETHEUS_IMAGE",
}
"""Workload there is one of → the setting that names its image."""
SHOWN: Final = 3


def check_images(settings: LabSettings) -> Iterator[Check]:
    """The registry, what `images.lock` names, and the images that settings name."""
    registry = check_registry(settings)
    yield registry
    yield check_lock(settings, ask=registry.good)
    for name, image in single_images(settings).items():
        known = probe_images([image], settings)[0] if image else ImageProbe("")
        yield judge_image(SETTINGS[name], known, architectures_of(settings)[0])


def check_registry(settings: LabSettings) -> Check:
    """Whether it answers, and as the settings say."""
    try:
        access = registry_access(settings)
        with Registry(access) as registry:
            registry.ping()
    except LabError as error:
        return _failed("registry", error)
    how = "plain HTTP; builder and nodes must know: lab registry config" if access.plain_http else "HTTPS"
    return Check("registry", good=True, found=f"{access.name}, {how}")


def check_lock(settings: LabSettings, *, ask: bool) -> Check:
    """Whether every service has an image for each architecture, and, where it may be asked, the registry holds it."""
    try:
        lock = read_lock(settings.project / FILE_NAME)
        wanted = {
            lock.reference(service, architecture): architecture
            for service in SERVICES
            for architecture in architectures_of(settings)
        }
    except LabError as error:
        return _failed("images", error)
    return judge_lock(lock, wanted, probe_images(wanted, settings) if ask else ())


def judge_lock(lock: ImageLock, wanted: Mapping[str, str], known: tuple[ImageProbe, ...]) -> Check:
    """Reference → architecture that each has to be of, beside what the registry knows of them."""
    bad = [f"not there: {one.reference}" for one in known if one.found is False]
    bad += [f"not told of: {one.reference}" for one in known if one.found is None]
    bad += [
        f"{one.reference} holds {holds or 'several'}"
        for one in known
        if one.found and (holds := _held(one)) != wanted[one.reference]
    ]
    if bad:
        more = f"; and {len(bad) - SHOWN} more" if len(bad) > SHOWN else ""
        return Check("images", good=False, found="; ".join(_short(one) for one in bad[:SHOWN]) + more, next_step=BUILD)
    there = f"all {len(wanted)} there" if known else "not looked for"
    return Check("images", good=True, found=f"{FILE_NAME} of {lock.registry}, tag {lock.tag}: {there}")


def judge_image(setting: str, known: ImageProbe, architecture: str) -> Check:
    """Whether a setting names one image of one architecture by digest."""
    name, reference = setting.removeprefix("LAB_").lower(), known.reference
    if not reference:
        step = f"export {setting}=host/name@sha256:…"
        return Check(name, good=False, found="not set", next_step=step)
    host, repository, _ = split_reference(reference)
    right = [one.digest for one in known.platforms if one.holds == architecture]
    step = f"export {setting}={host}/{repository}@{right[0] if right else 'sha256:…'}"
    if not PINNED.fullmatch(reference):
        return Check(name, good=False, found=f"{reference} is not pinned by digest", next_step=step)
    if known.found is None:
        return Check(name, good=True, found=f"{_short(reference)}; {host} does not answer from here")
    if not known.found:
        return Check(name, good=False, found=f"{_short(reference)} is not there", next_step=step)
    if (holds := _held(known)) != architecture:
        kind = f"for {holds}" if holds else f"an index of {', '.join(one.holds for one in known.platforms)}"
        found = f"{_short(reference)} is {kind}; wanted is one image for {architecture}"
        return Check(name, good=False, found=found, next_step=step)
    return Check(name, good=True, found=f"{_short(reference)}, {architecture}")


def _held(known: ImageProbe) -> str:
    """Architecture of the one image that a reference names; empty where it names an index."""
    return next((one.holds for one in known.platforms if known.reference.endswith(f"@{one.digest}")), "")


def _failed(name: str, error: LabError) -> Check:
    return Check(
        name, good=False, found=" ".join(f"{error.attempted}: {error.found}".split()), next_step=error.next_step
    )


def _short(text: str) -> str:
    """With digests cut to what tells them apart."""
    name, mark, digest = text.partition("@sha256:")
    return f"{name}@{digest[:8]}…{digest[64:]}" if mark else text
