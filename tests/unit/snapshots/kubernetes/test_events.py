"""An event tells which object it is about, and when it happened last."""

from typing import Any

import pytest

from lab.snapshots.kubernetes import Event


@pytest.mark.parametrize(
    ("times", "at"),
    [
        ({"lastTimestamp": "4", "eventTime": "2"}, "4"),
        ({"lastTimestamp": None, "eventTime": "2", "series": {"lastObservedTime": "3"}}, "3"),
        ({"lastTimestamp": None, "eventTime": "2", "series": None}, "2"),
        ({}, "1"),
    ],
    ids=["kubelet", "series of the scheduler", "scheduler", "creation"],
)
def test_an_event_happened_when_it_was_recorded_last(times: dict[str, Any], at: str) -> None:
    """Every component fills in fields of its own."""
    assert Event({"metadata": {"name": "a", "creationTimestamp": "1"}, **times}).at == at


def test_an_event_names_its_object_by_kind_and_name() -> None:
    """Its unique id tells apart two objects of the same name."""
    event = Event({"metadata": {"name": "a"}, "involvedObject": {"kind": "Pod", "name": "b", "uid": "7"}})
    assert (event.about, event.about_uid) == ("Pod/b", "7")
    assert Event({"metadata": {"name": "a"}}).about_uid == ""
