"""Tells what happened last to a Deployment. Pure."""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from lab.snapshots.kubernetes import Event, KubernetesObject, Pod

LONGEST: Final = 70
PULLING, PULLED, READY = "Pulling", "Pulled", "Ready"
LAST: Final = {"name": "~"}
"""Metadata of an event that sorts behind every other event of the same second."""
DURATION: Final = re.compile(r" in ([\d.]+)(m?s)\b")
WORD_BOUNDARY: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")


def newest_warning(deployment: KubernetesObject, pods: Sequence[Pod], events: Sequence[Event]) -> str:
    """Return the newest warning about a Deployment, its ReplicaSets or its pods; empty where there is none."""
    uids = {deployment.uid, *(pod.uid for pod in pods)}
    warnings = [event for event in _about(uids, deployment.name, events) if event.is_warning]
    newest = max(warnings, key=_order, default=None)
    return f"{newest.reason}: {newest.message}" if newest else ""


def newest_event(deployment: KubernetesObject, pods: Sequence[Pod], events: Sequence[Event], *, now: datetime) -> str:
    """Return the newest event about a Deployment's ReplicaSets or pods, in a few words, with its duration or age.

    The condition Ready of a pod counts as an event, too.
    """
    about = _about({pod.uid for pod in pods}, deployment.name, events)
    newest = max([*about, *_became_ready(pods)], key=_order, default=None)
    return _words(newest, now) if newest else ""


def _about(uids: set[str], deployment: str, events: Sequence[Event]) -> Iterator[Event]:
    """Yield the events about some objects, and about the ReplicaSets of a Deployment."""
    for event in events:
        if (event.about_uid and event.about_uid in uids) or _is_about_replica_set_of(deployment, event):
            yield event


def _is_about_replica_set_of(deployment: str, event: Event) -> bool:
    kind, _, name = event.about.partition("/")
    return kind == "ReplicaSet" and name.rpartition("-")[0] == deployment


def _became_ready(pods: Sequence[Pod]) -> Iterator[Event]:
    for pod in pods:
        condition = pod.condition(READY)
        if condition.status == "True":
            took = datetime.fromisoformat(condition.since) - datetime.fromisoformat(pod.created_at)
            message = f"{took.total_seconds():.0f} s"
            yield Event({"reason": READY, "message": message, "lastTimestamp": condition.since, "metadata": LAST})


def _order(event: Event) -> tuple[str, str]:
    """Return a sort key. Times are whole seconds; within a second, names end with nanoseconds in hexadecimal."""
    return event.at[:19], event.name.rpartition(".")[2]


def _words(event: Event, now: datetime) -> str:
    since_s = max(0.0, (now - datetime.fromisoformat(event.at)).total_seconds()) if event.at else 0.0
    if event.is_warning:
        text = f"{event.reason} {since_s:.0f} s ago: {' '.join(event.message.split())}"
        return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
    words = WORD_BOUNDARY.sub(" ", event.reason).lower()
    if event.reason == READY:
        return f"{words} ({event.message})"
    if event.reason == PULLING:
        return f"{words} ({since_s:.0f} s)"
    match = DURATION.search(event.message) if event.reason == PULLED else None
    return f"{words} ({float(match[1]) / (1_000 if match[2] == 'ms' else 1):.1f} s)" if match else words
