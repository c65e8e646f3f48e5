"""Refuses objects that are known to fail before they are applied. Pure."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from lab.errors import BadConfig
from lab.snapshots.collector_components import change_of
from lab.targets.kubernetes.objects import KubeObject

PINNED: Final = re.compile(r"[^@\s]+@sha256:[0-9a-f]{64}")
VOLUME_KINDS: Final = frozenset({"PersistentVolumeClaim", "PersistentVolume"})
VOLUME_SOURCES: Final = ("persistentVolumeClaim", "hostPath", "ephemeral", "csi")
MOST_FINDINGS: Final = 2
"""In an error."""


def refuse_known_failures(objects: Iterable[KubeObject]) -> None:
    """Raise where an image has no digest, a volume pins a pod to a node, or a collector would not start.

    Raises:
        BadConfig: E_NOT_PINNED, E_PVC_PINNED or E_OTEL_REMOVED; the message names the objects.
    """
    objects = tuple(objects)
    if findings := list(unpinned(objects)):
        raise BadConfig(
            f"{len(findings)} images are not pinned by digest; a runtime would choose the architecture",
            found="\n".join(findings[:MOST_FINDINGS]),
            next_step="lab images resolve      (writes the digest of each architecture)",
            code="E_NOT_PINNED",
        )
    if findings := list(pinned_to_a_node(objects)):
        raise BadConfig(
            "a volume would pin a pod to the node it is on",
            found="\n".join(findings[:MOST_FINDINGS]),
            next_step="use emptyDir: the services rebuild their files from the store",
            code="E_PVC_PINNED",
        )
    if findings := list(removed_components(objects)):
        raise BadConfig(
            "the collector would not start with its configuration",
            found="\n".join(findings[:MOST_FINDINGS]),
            next_step="change it in manifests/base/collector-config.yaml",
            code="E_OTEL_REMOVED",
        )


def unpinned(objects: Iterable[KubeObject]) -> Iterator[str]:
    """Yield images without a digest, each behind the object that uses it."""
    for item in objects:
        for image in sorted({str(container.get("image", "")) for container in item.containers()}):
            if not PINNED.fullmatch(image):
                yield f"{item}: {image or 'no image'}"


def pinned_to_a_node(objects: Iterable[KubeObject]) -> Iterator[str]:
    """Yield volumes that outlive a pod or belong to a node, each behind its object."""
    for item in objects:
        if item.kind in VOLUME_KINDS or (item.body.get("spec") or {}).get("volumeClaimTemplates"):
            yield str(item)
        for volume in item.pod.get("volumes") or ():
            for source in VOLUME_SOURCES:
                if source in volume:
                    yield f"{item}: volume {volume['name']} is {source}"


def removed_components(objects: Iterable[KubeObject]) -> Iterator[str]:
    """Yield components that collectors no longer have, with key, line and replacement."""
    for item in objects:
        for key, text in (item.body.get("data") or {}).items() if item.kind == "ConfigMap" else ():
            for line, section, name in _components(str(text)):
                change = change_of(section, name)
                if change.is_gone:
                    # The oldest name is the one that most collectors know.
                    yield f'{item}: {key}:{line}: {section} "{name}" was removed; use {change.successors[-1]}'


def _components(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield line, section and type of every component in a collector's configuration."""
    section = ""
    for number, line in enumerate(text.splitlines(), 1):
        rest = line
        if heading := re.match(r"(\w+):", line):
            section = heading.group(1)
            rest = line.removeprefix(heading.group(0)).strip().removeprefix("{")
        elif not re.match(r"  \w", line):
            continue
        if component := re.match(r"\s*([a-z_0-9]+)(/[^:]*)?:", rest):
            yield number, section, component.group(1)
