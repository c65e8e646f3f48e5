"""What the cluster's events say of a Deployment; pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

LONGEST: Final = 70
PULLING, PULLED, READY = "Pulling", "Pulled", "Ready"
LAST: Final = {"name": "~"}
"""Sorts behind every event of the same second."""
TOOK: Final = re.compile(r" in ([\d.]+)(m?s)\b")
WORDS: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")
Object = Mapping[str, Any]


def trouble(deployment: Object, pods: Sequence[Object], events: Sequence[Object]) -> str:
    """The newest warning about the deployment, its pods, or what makes them; empty where there is none."""
    owned = {pod["metadata"]["uid"] for pod in pods} | {deployment["metadata"].get("uid")}
    name = deployment["metadata"]["name"]
    about = [one for one in events if one["involvedObject"].get("uid") in owned or _makes_pods_of(name, one)]
    newest = max((one for one in about if one.get("type") == "Warning"), key=_order, default=None)
    return f"{newest['reason']}: {newest['message']}" if newest else ""


def latest(deployment: Object, pods: Sequence[Object], events: Sequence[Object], *, now: datetime) -> str:
    """The newest event about its pods, or about what makes them; in a few words, with how long it takes or took.

    That a pod became ready counts as one, though the cluster tells it otherwise.
    """
    owned = {pod["metadata"]["uid"] for pod in pods}
    name = deployment["metadata"]["name"]
    about = [one for one in events if one["involvedObject"].get("uid") in owned or _makes_pods_of(name, one)]
    newest = max([*about, *_became_ready(pods)], key=_order, default=None)
    return _words(newest, now) if newest else ""


def _became_ready(pods: Sequence[Object]) -> Iterator[Object]:
    for pod in pods:
        for condition in pod.get("status", {}).get("conditions", ()):
            if condition["type"] == READY and condition["status"] == "True":
                at, created = condition["lastTransitionTime"], pod["metadata"]["creationTimestamp"]
                took_s = (datetime.fromisoformat(at) - datetime.fromisoformat(created)).total_seconds()
                yield {"reason": READY, "message": f"{took_s:.0f} s", "lastTimestamp": at, "metadata": LAST}


def _makes_pods_of(name: str, event: Object) -> bool:
    about = event["involvedObject"]
    return about.get("kind") == "ReplicaSet" and str(about.get("name", "")).rpartition("-")[0] == name


def _order(event: Object) -> tuple[str, str]:
    """Times are whole seconds; within one the name decides, which ends with nanoseconds in hexadecimal."""
    return _time(event)[:19], str(event.get("metadata", {}).get("name", "")).rpartition(".")[2]


def _time(event: Object) -> str:
    return str(event.get("lastTimestamp") or event.get("eventTime") or "")


def _words(event: Object, now: datetime) -> str:
    reason, message, at = str(event["reason"]), str(event.get("message", "")), _time(event)
    since_s = max(0.0, (now - datetime.fromisoformat(at)).total_seconds()) if at else 0.0
    if event.get("type") == "Warning":
        said = f"{reason} {since_s:.0f} s ago: {' '.join(message.split())}"
        return said if len(said) <= LONGEST else said[: LONGEST - 1] + "…"
    words = WORDS.sub(" ", reason).lower()
    if reason in {PULLING, READY}:
        return f"{words} ({message if reason == READY else f'{since_s:.0f} s'})"
    took = TOOK.search(message) if reason == PULLED else None
    return f"{words} ({float(took[1]) / (1_000 if took[2] == 'ms' else 1):.1f} s)" if took else words
