"""Image pulls that fail, by their kind of cause."""

import re
from collections.abc import Iterator, Mapping
from typing import Final, Literal, NamedTuple

from lab.snapshots.kubernetes import Container, Pod
from lab.snapshots.snapshot import Snapshot

Kind = Literal["plain-http", "login", "platform", "absent", "unreachable"]
PLAIN_HTTP: Final = "server gave HTTP response to HTTPS client"
WAITING: Final = frozenset({"ErrImagePull", "ImagePullBackOff", "RegistryUnavailable"})
MESSAGES: Final[Mapping[Kind, re.Pattern[str]]] = {
    "plain-http": re.compile(PLAIN_HTTP),
    "login": re.compile(r"(?i)401 Unauthorized|403 Forbidden|pull access denied|authorization failed|no basic auth"),
    "platform": re.compile(r"no match for platform"),
    "absent": re.compile(r"(?i): not found|code = NotFound|manifest unknown|name unknown"),
    "unreachable": re.compile(
        r"connection refused|no such host|i/o timeout|no route to host|network is unreachable"
        r"|deadline exceeded|connection reset|TLS handshake timeout"
    ),
}
"""Kind of cause → its messages. The first kind that matches counts."""
WRAPPING: Final = re.compile(r'^.*(?:image|reference) "[^"]+": ')


class Pull(NamedTuple):
    """A container whose image cannot be pulled, and the reason that the runtime gave."""

    pod: Pod
    container: Container
    reason: str


def failed_pulls(snapshot: Snapshot, kind: Kind) -> Iterator[Pull]:
    """Yield the pulls that fail by one kind of cause."""
    for pod in snapshot.pods:
        for container in pod.containers:
            if container.waiting.reason in WAITING:
                message = _message(snapshot, pod, container)
                if next((name for name, pattern in MESSAGES.items() if pattern.search(message)), "") == kind:
                    yield Pull(pod, container, _reason(message, MESSAGES[kind]))


def failed_workloads(snapshot: Snapshot, kind: Kind) -> Iterator[Pull]:
    """Yield one failing pull of each workload."""
    reported: set[str] = set()
    for pull in failed_pulls(snapshot, kind):
        if pull.pod.workload not in reported:
            reported.add(pull.pod.workload)
            yield pull


def _message(snapshot: Snapshot, pod: Pod, container: Container) -> str:
    """Return what container and events tell; before Kubernetes 1.31 a container that backs off tells no reason."""
    events = [event.message for event in snapshot.events(pod.ref, "Failed")]
    return "\n".join([container.waiting.message, *(message for message in events if container.image in message)])


def _reason(message: str, pattern: re.Pattern[str]) -> str:
    """Return the reason alone, without the wrapping that repeats the image's name three times."""
    line = next(line for line in message.splitlines() if pattern.search(line))
    reason = WRAPPING.sub("", line)
    return reason if pattern.search(reason) else line
