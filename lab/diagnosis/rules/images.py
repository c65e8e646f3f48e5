"""Images that are of the wrong architecture: crashing, silently, by their digest."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from lab.diagnosis import remedies
from lab.diagnosis.finding import Finding
from lab.diagnosis.rules.registry import pulls
from lab.model import architecture_of
from lab.snapshots.kubernetes import Container, Pod, digest_of, repository_of, short_image
from lab.snapshots.probes import ImageProbe, Platform
from lab.snapshots.snapshot import Snapshot, not_ready

DIGEST: Final = "digest-not-of-architecture"
FORMAT_ERROR: Final = re.compile(r"exec format error")


class Known(NamedTuple):
    """What is known of the image a container runs or should run."""

    pod: Pod
    container: Container
    probe: ImageProbe | None
    platform: Platform | None


def digest_of_another_architecture(snapshot: Snapshot) -> Iterator[Finding]:
    """A pinned digest is that of another architecture than the pod is meant for."""
    for known in _containers(snapshot, pinned=True):
        pod, container, _, platform = known
        meant = snapshot.architecture(pod)
        if platform is not None and meant and platform.holds != meant:
            lies = platform.architecture not in {"", platform.holds}
            yield _finding(
                snapshot,
                DIGEST,
                known,
                title=f"{_name(pod)} is pinned to an image of another architecture",
                found=f"{short_image(container.image)} holds {platform.holds}; the pod is meant for {meant}"
                + (f"; the index calls it {platform.architecture}" if lies else ""),
                why="the image was built for one architecture and labelled as another"
                if lies
                else "the digest in the manifest is that of another architecture's image",
            )


def image_cannot_execute(snapshot: Snapshot) -> Iterator[Finding]:
    """The node cannot execute what is in the image, or finds nothing for itself in it."""
    unmatched = {pull.pod.ref: pull.said for pull in pulls(snapshot, "platform")}
    for known in _containers(snapshot):
        pod, container = known.pod, known.container
        log = [line for line in snapshot.log(pod, container.name) if FORMAT_ERROR.search(line)]
        evidence = unmatched.get(pod.ref) or (f'the log ends with "{log[-1].strip()}"' if log else "")
        if not evidence or container.is_ready:
            continue
        holds = known.platform.holds if known.platform else ""
        node, meant = snapshot.node(pod.node), snapshot.architecture(pod)
        yield _finding(
            snapshot,
            "wrong-architecture",
            known,
            title=f"{_name(pod)} runs the wrong architecture",
            found=f"node {pod.node} is {node.architecture if node else meant}; the image {short_image(container.image)}"
            + (f" holds {holds}" if holds else f" is an index of {_holdings(known)}" if known.probe else "")
            + f"; {evidence}",
            why=f"the manifest pins the index, and the runtime of {pod.node} chose another architecture from it"
            if known.probe and known.probe.index_digest and len(known.probe.platforms) > 1
            else f"what is in the image was not built for {meant}",
        )


def image_is_silently_wrong(snapshot: Snapshot) -> Iterator[Finding]:
    """A pod runs, and what it runs is not what its node is."""
    words = {one.pod: one.architecture for one in snapshot.probes.processes if one.architecture}
    for known in _containers(snapshot):
        pod, container, probe, platform = known
        node, machine = snapshot.node(pod.node), words.get(pod.name, "")
        if node is None or not container.running_since:
            continue
        said = architecture_of(machine)
        holds = platform.holds if platform else ""
        choices = probe.platforms if probe and probe.index_digest == container.image_digest else ()
        by_index = platform is None and len(choices) > 1
        differs = {node.architecture} != {one for one in (node.architecture, said, holds) if one}
        if not differs and not (by_index and not machine):
            continue
        facts = [f"node {node.name} is {node.architecture}"]
        facts += [f"the image holds {holds}"] if holds else []
        facts += [f"the process says {machine}"] if machine else ["the process does not say what it is"]
        facts += ["imageID is the digest of the index, not of an image"] if by_index else []
        yield _finding(
            snapshot,
            "wrong-architecture-silent",
            known,
            title=f"{_name(pod)} runs, and "
            + ("is of the wrong architecture" if differs else "nothing proves its architecture"),
            found="; ".join(facts),
            why=f"{short_image(container.image)} leaves the choice of architecture to the runtime of {node.name}"
            if by_index or not digest_of(container.image)
            else "another image than the one for this node was pinned; emulation hides it",
        )


def _finding(snapshot: Snapshot, cause: str, known: Known, *, title: str, found: str, why: str) -> Finding:
    """A finding whose cure is the digest of the right architecture, where one is known."""
    pod, container, probe, _ = known
    node = snapshot.node(pod.node)
    meant = node.architecture if node else snapshot.architecture(pod)
    image = probe.image_for(meant) if probe else ""
    do = remedies.resolve(snapshot.namespace) if image or not probe else remedies.build(snapshot.namespace)
    if image:
        why += f"; the one for {meant} is {short_image(image)}"
        if not snapshot.is_wanted(pod.workload):
            do = remedies.set_image(snapshot.namespace, pod.workload, container.name, image)
    pods = not_ready(snapshot, pod.workload)
    # Where a digest is that of another architecture, what the pod says when it runs all the same needs no reason.
    stops = (*pods, pod.ref) if cause == DIGEST else pods
    return Finding(cause, pod.workload, title, found, why, do, stops=stops, rests_on=(*pods, pod.ref))


def _containers(snapshot: Snapshot, *, pinned: bool = False) -> Iterator[Known]:
    """Every container with what the registry knows of its image; of pods that are through, evicted say, none."""
    for pod in sorted(snapshot.pods, key=lambda one: one.is_ready):
        for container in pod.containers if pod.phase != "Failed" else ():
            asked, running = digest_of(container.image), container.image_digest
            # A runtime that pulled an image by its index before may call it by that one's digest.
            is_same = any(one.index_digest == running and one.is_index_of(asked) for one in snapshot.probes.images)
            yield _known(snapshot, pod, container, asked if pinned or is_same or not running else running)


def _known(snapshot: Snapshot, pod: Pod, container: Container, digest: str) -> Known:
    """A container with its image's reference at the registry, and with the one image that the digest names."""
    repository = repository_of(container.image)
    probes = [one for one in snapshot.probes.images if repository_of(one.reference) == repository]
    named = [one for one in probes if one.reference == container.image or (digest and digest == one.index_digest)]
    platforms = [platform for one in probes for platform in one.platforms if platform.digest == digest]
    probe = next(iter(named or probes), None)
    return Known(pod, container, probe, platforms[0] if platforms else None)


def _holdings(known: Known) -> str:
    return ", ".join(one.holds for one in known.probe.platforms) if known.probe else ""


def _name(pod: Pod) -> str:
    return pod.workload.rpartition("/")[2]
