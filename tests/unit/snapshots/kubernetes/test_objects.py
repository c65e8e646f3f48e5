"""Every object tells its name, its labels and its conditions; a field that is missing is empty."""

from lab.snapshots.kubernetes import Condition, KubernetesObject, seconds

BARE = KubernetesObject({"metadata": {"name": "a", "labels": None}, "spec": None, "status": None})


def test_a_field_that_is_missing_is_empty() -> None:
    """The API server leaves fields out, or writes null."""
    assert (BARE.uid, BARE.created_at, dict(BARE.labels), BARE.revision) == ("", "", {}, 0)
    assert (dict(BARE.spec), dict(BARE.status), BARE.condition("Ready")) == ({}, {}, Condition())


def test_a_condition_is_found_by_its_type() -> None:
    """Fields without a value are empty."""
    conditions = [{"type": "Ready", "status": "False", "reason": None}, {"type": "DiskPressure", "status": "True"}]
    made = KubernetesObject({"metadata": {"name": "a"}, "status": {"conditions": conditions}})
    assert made.condition("Ready") == Condition("False")
    assert made.condition("DiskPressure").status == "True"


def test_a_time_is_read_with_its_zone() -> None:
    """The same moment is the same number."""
    assert seconds("2026-11-25T02:00:00Z") == seconds("2026-11-25T04:00:00+02:00")
