"""Images of the wrong architecture: crashing, running unnoticed, pinned by their digest."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from lab.diagnosis import remedies
from lab.diagnosis.finding import Finding, name_of
from lab.diagnosis.rules.images.pulls import failed_pulls
from lab.model import architecture_of
from lab.model.image_references import digest_of, short, without_version
from lab.snapshots.images import ImageProbe, Platform
from lab.snapshots.kubernetes import Container, Pod
from lab.snapshots.snapshot import Snapshot, not_ready

WRONG_DIGEST: Final = "digest-not-of-architecture"
FORMAT_ERROR: Final = re.compile(r"exec format error")


class Known(NamedTuple):
    """What is known of the image of a container.

    Attributes:
        pod: The pod.
        container: One of its containers.
        probe: What the registry returned for the image's reference.
        platform: The single image that the digest names.
    """

    pod: Pod
    container: Container
    probe: ImageProbe | None
    platform: Platform | None

    @property
    def is_by_index(self) -> bool:
        """Whether the digest that runs is that of an index, from which the runtime chose."""
        if self.probe is None or self.platform is not None:
            return False
        return len(self.probe.platforms) > 1 and self.probe.index_digest == self.container.image_digest


def digest_of_another_architecture(snapshot: Snapshot) -> Iterator[Finding]:
    """A pinned digest is that of another architecture than the pod is meant for."""
    for known in _containers(snapshot, pinned=True):
        pod, container, _, platform = known
        meant = snapshot.architecture(pod)
        if platform is not None and meant and platform.holds != meant:
            mislabelled = platform.architecture not in {"", platform.holds}
            yield _finding(
                snapshot,
                WRONG_DIGEST,
                known,
                title=f"{name_of(pod.workload)} is pinned to an image of another architecture",
                found=f"{short(container.image)} holds {platform.holds}; the pod is meant for {meant}"
                + (f"; the index calls it {platform.architecture}" if mislabelled else ""),
                why="the image was built for one architecture and labelled as another"
                if mislabelled
                else "the digest in the manifest is that of another architecture's image",
            )


def image_cannot_execute(snapshot: Snapshot) -> Iterator[Finding]:
    """The node cannot execute the image, or finds no image for its architecture in the index."""
    unmatched = {pull.pod.ref: pull.reason for pull in failed_pulls(snapshot, "platform")}
    for known in _containers(snapshot):
        pod, container = known.pod, known.container
        log = [line for line in snapshot.log(pod, container.name) if FORMAT_ERROR.search(line)]
        evidence = unmatched.get(pod.ref) or (f'the log ends with "{log[-1].strip()}"' if log else "")
        if not evidence or container.is_ready:
            continue
        node, meant = snapshot.node(pod.node), snapshot.architecture(pod)
        yield _finding(
            snapshot,
            "wrong-architecture",
            known,
            title=f"{name_of(pod.workload)} runs the wrong architecture",
            found=f"node {pod.node} is {node.architecture if node else meant}; "
            f"the image {short(container.image)}{_contents(known)}; {evidence}",
            why=f"the manifest pins the index, and the runtime of {pod.node} chose another architecture from it"
            if known.probe and known.probe.index_digest and len(known.probe.platforms) > 1
            else f"the image was not built for {meant}",
        )


def image_is_silently_wrong(snapshot: Snapshot) -> Iterator[Finding]:
    """A pod runs, and its image is not of its node's architecture."""
    machines = {process.pod: process.architecture for process in snapshot.probes.processes}
    for known in _containers(snapshot):
        pod, container, _, platform = known
        node, machine = snapshot.node(pod.node), machines.get(pod.name, "")
        if node is None or not container.running_since:
            continue
        holds = platform.holds if platform else ""
        differs = {node.architecture, architecture_of(machine), holds} - {""} != {node.architecture}
        if not differs and not (known.is_by_index and not machine):
            continue
        facts = [f"node {node.name} is {node.architecture}"]
        facts += [f"the image holds {holds}"] if holds else []
        facts += [f"the process says {machine}"] if machine else ["the process does not report its architecture"]
        facts += ["imageID is the digest of the index, not of an image"] if known.is_by_index else []
        yield _finding(
            snapshot,
            "wrong-architecture-silent",
            known,
            title=f"{name_of(pod.workload)} runs, but "
            + ("is of the wrong architecture" if differs else "nothing proves its architecture"),
            found="; ".join(facts),
            why=f"{short(container.image)} leaves the choice of architecture to the runtime of {node.name}"
            if known.is_by_index or not digest_of(container.image)
            else "the pinned image is not the one for this node, and emulation hides it",
        )


def _finding(snapshot: Snapshot, cause: str, known: Known, *, title: str, found: str, why: str) -> Finding:
    """Return a finding whose remedy is the digest of the right architecture, where it is known."""
    pod, container, probe, _ = known
    node = snapshot.node(pod.node)
    meant = node.architecture if node else snapshot.architecture(pod)
    image = probe.image_for(meant) if probe else ""
    do = remedies.resolve(snapshot.namespace) if image or not probe else remedies.build(snapshot.namespace)
    if image:
        why += f"; the image for {meant} is {short(image)}"
        if not snapshot.is_wanted(pod.workload):
            do = remedies.set_image(snapshot.namespace, pod.workload, container.name, image)
    pods = not_ready(snapshot, pod.workload)
    # A wrong digest also explains what a pod reports that runs all the same.
    stops = (*pods, pod.ref) if cause == WRONG_DIGEST else pods
    return Finding(
        cause=cause,
        object=pod.workload,
        title=title,
        found=found,
        why=why,
        do=do,
        stops=stops,
        rests_on=(*pods, pod.ref),
    )


def _containers(snapshot: Snapshot, *, pinned: bool = False) -> Iterator[Known]:
    """Yield the containers of all pods that have not failed, with what the registry knows of their images.

    The digest that runs counts, or with *pinned* the digest in the specification.
    """
    for pod in sorted(snapshot.pods, key=lambda pod: pod.is_ready):
        for container in pod.containers if pod.phase != "Failed" else ():
            specified, running = digest_of(container.image), container.image_digest
            # A runtime that pulled an image by its index before may report the index's digest for it.
            is_same = any(
                probe.index_digest == running and probe.is_index_of(specified) for probe in snapshot.probes.images
            )
            yield _known(snapshot, pod, container, specified if pinned or is_same or not running else running)


def _known(snapshot: Snapshot, pod: Pod, container: Container, digest: str) -> Known:
    """Return a container with the probe of its image's reference, and with the single image that the digest names."""
    repository = without_version(container.image)
    probes = [probe for probe in snapshot.probes.images if without_version(probe.reference) == repository]
    named = [
        probe for probe in probes if probe.reference == container.image or (digest and digest == probe.index_digest)
    ]
    platforms = [platform for probe in probes for platform in probe.platforms if platform.digest == digest]
    return Known(pod, container, next(iter(named or probes), None), next(iter(platforms), None))


def _contents(known: Known) -> str:
    if known.platform and known.platform.holds:
        return f" holds {known.platform.holds}"
    return f" is an index of {', '.join(each.holds for each in known.probe.platforms)}" if known.probe else ""
