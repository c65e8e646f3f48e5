"""A container tells how it is specified, and how it is doing."""

from typing import Any

import pytest

from lab.snapshots.kubernetes import Container, Ended, Waiting

KILLED: dict[str, Any] = {"terminated": {"reason": "OOMKilled", "exitCode": 137, "finishedAt": "2026-11-25T02:00:00Z"}}
END = Ended("OOMKilled", 137, "2026-11-25T02:00:00Z")


@pytest.mark.parametrize(
    ("status", "waiting", "ended", "terminated"),
    [
        ({}, Waiting(), Ended(), Ended()),
        ({"state": {"running": {}}, "lastState": KILLED}, Waiting(), END, Ended()),
        ({"state": KILLED}, Waiting(), END, END),
        (
            {"state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}}, "lastState": KILLED},
            Waiting("CrashLoopBackOff", "back-off"),
            END,
            Ended(),
        ),
        ({"state": {"waiting": None}, "lastState": {"terminated": None}}, Waiting(), Ended(), Ended()),
    ],
    ids=["without a status", "runs again", "has ended", "waits to run again", "with fields of null"],
)
def test_a_container_tells_how_it_is_doing(
    status: dict[str, Any], waiting: Waiting, ended: Ended, terminated: Ended
) -> None:
    """The last end stays known while the container runs again."""
    container = Container({}, status)
    assert (container.waiting, container.ended, container.terminated) == (waiting, ended, terminated)


def test_what_is_not_specified_is_empty() -> None:
    """A variable without a literal value is a reference, which names no value."""
    container = Container({"env": [{"name": "PASSWORD", "valueFrom": {}}, {"name": "LEVEL", "value": "info"}]}, {})
    assert [container.variable(name) for name in ("LEVEL", "PASSWORD", "OTHER")] == ["info", "", ""]
    assert (container.name, container.image, container.image_digest, container.restarts) == ("", "", "", 0)
    assert container.amount("limits", "memory") == ""
