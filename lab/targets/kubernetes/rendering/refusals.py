"""Objects that are never applied, since what they cause has failed before."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from lab.errors import BadConfig
from lab.targets.kubernetes.objects import KubeObject

PINNED: Final = re.compile(r"[^@\s]+@sha256:[0-9a-f]{64}")
VOLUME_KINDS: Final = frozenset({"PersistentVolumeClaim", "PersistentVolume"})
VOLUME_SOURCES: Final = ("persistentVolumeClaim", "hostPath", "ephemeral", "csi")
REMOVED: Final[Mapping[tuple[str, str], str]] = {
    ("exporters", "logging"): "debug",
    ("exporters", "jaeger"): "otlp",
    ("extensions", "memory_ballast"): "GOMEMLIMIT",
}
"""Section and type of what collectors had once → what took its place."""
SHOWN: Final = 2


def refuse(objects: Iterable[KubeObject]) -> None:
    """Raise where an image has no digest, a volume pins a pod to a node, or a collector would not start.

    Raises:
        BadConfig: E_NOT_PINNED, E_PVC_PINNED or E_OTEL_REMOVED, with the objects.
    """
    objects = tuple(objects)
    if found := list(unpinned(objects)):
        raise BadConfig(
            f"{len(found)} images are not pinned by digest; a runtime would choose the architecture",
            found="\n".join(found[:SHOWN]),
            next_step="lab images resolve      (writes the digest of each architecture)",
            code="E_NOT_PINNED",
        )
    if found := list(pinned_to_a_node(objects)):
        raise BadConfig(
            "a volume would pin a pod to the node it is on",
            found="\n".join(found[:SHOWN]),
            next_step="use emptyDir: what the services keep can be rebuilt from the store",
            code="E_PVC_PINNED",
        )
    if found := list(removed_components(objects)):
        raise BadConfig(
            "the collector would not start with its configuration",
            found="\n".join(found[:SHOWN]),
            next_step="change it in manifests/base/collector-config.yaml",
            code="E_OTEL_REMOVED",
        )


def unpinned(objects: Iterable[KubeObject]) -> Iterator[str]:
    """Images without a digest, with the object that wants them."""
    for thing in objects:
        for image in sorted({str(container.get("image", "")) for container in thing.containers()}):
            if not PINNED.fullmatch(image):
                yield f"{thing}: {image or 'no image'}"


def pinned_to_a_node(objects: Iterable[KubeObject]) -> Iterator[str]:
    """Volumes that outlive or outgrow a pod, with the object that has them."""
    for thing in objects:
        if thing.kind in VOLUME_KINDS or (thing.body.get("spec") or {}).get("volumeClaimTemplates"):
            yield str(thing)
        for volume in thing.pod.get("volumes") or ():
            for source in VOLUME_SOURCES:
                if source in volume:
                    yield f"{thing}: volume {volume['name']} is {source}"


def removed_components(objects: Iterable[KubeObject]) -> Iterator[str]:
    """Parts of a collector's configuration that collectors no longer have, with key, line and what to use instead."""
    for thing in objects:
        for key, text in (thing.body.get("data") or {}).items() if thing.kind == "ConfigMap" else ():
            for line, section, name in _components(str(text)):
                if (section, name) in REMOVED:
                    yield f'{thing}: {key}:{line}: {section} "{name}" was removed; use {REMOVED[section, name]}'


def _components(text: str) -> Iterator[tuple[int, str, str]]:
    """Line, section and type of every component of a collector's configuration."""
    section = ""
    for number, line in enumerate(text.splitlines(), 1):
        if top := re.match(r"(\w+):", line):
            section = top.group(1)
            line = line.removeprefix(top.group(0)).strip().removeprefix("{")  # noqa: PLW2901  the rest of it
        elif not re.match(r"  \w", line):
            continue
        if name := re.match(r"\s*([a-z_0-9]+)(/[^:]*)?:", line):
            yield number, section, name.group(1)
