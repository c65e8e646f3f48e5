"""A toleration tells which taints do not keep a pod away."""

import pytest

from lab.snapshots.kubernetes import Toleration

TAINT = {"key": "board", "value": "old", "effect": "NoSchedule"}


@pytest.mark.parametrize(
    ("toleration", "tolerates"),
    [
        (Toleration("board", "Exists"), True),
        (Toleration("board", "Exists", effect="NoSchedule"), True),
        (Toleration("board", "Exists", effect="NoExecute"), False),
        (Toleration("board", "Equal", "old"), True),
        (Toleration("board", "Equal", "new"), False),
        (Toleration("other", "Exists"), False),
        (Toleration(operator="Exists"), True),
    ],
)
def test_a_toleration_matches_by_key_value_and_effect(toleration: Toleration, *, tolerates: bool) -> None:
    """An empty key stands for every key, an empty effect for every effect."""
    assert toleration.tolerates(TAINT) is tolerates


def test_a_taint_without_a_value_is_tolerated_by_an_empty_one() -> None:
    """The API server leaves an empty value out."""
    assert Toleration.of_pod({"key": "board"}).tolerates({"key": "board", "effect": "NoSchedule"})
