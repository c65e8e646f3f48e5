"""Durability classes follow from what INFO and CONFIG tell."""

import pytest

from services.contracts.durability import durability_of

GOOD = {"aof_enabled": "1", "aof_last_write_status": "ok", "aof_rewrite_in_progress": "0"}


def test_a_master_that_writes_before_every_answer_is_durable() -> None:
    """A durable store has no reason against it."""
    assert durability_of(GOOD, role="master", appendfsync="always") == ("durable", "")


@pytest.mark.parametrize(
    ("info", "role", "appendfsync", "durability", "reason"),
    [
        ({}, "master", "always", "unknown", "INFO persistence"),
        (GOOD, "master", None, "unknown", "CONFIG GET appendfsync"),
        (GOOD | {"aof_enabled": "0"}, "master", "always", "volatile", "appendonly is no"),
        (GOOD, "master", "everysec", "window", "appendfsync is everysec"),
        (GOOD | {"aof_last_write_status": "err"}, "master", "always", "window", "aof_last_write_status is err"),
        ({"aof_enabled": "1"}, "master", "always", "window", "aof_last_write_status is not told"),
        (GOOD, "slave", "always", "window", "its role is slave"),
        (GOOD, "", "always", "window", "its role is not told"),
    ],
)
def test_a_store_that_is_not_durable_has_a_reason(
    info: dict[str, str], role: str, appendfsync: str | None, durability: str, reason: str
) -> None:
    """The reason names the field or the setting."""
    classified = durability_of(info, role=role, appendfsync=appendfsync)
    assert classified.durability == durability
    assert reason in classified.reason
