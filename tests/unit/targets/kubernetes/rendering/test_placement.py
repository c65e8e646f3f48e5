"""The texts of settings name taints and labels as kubectl does."""

from lab.targets.kubernetes.rendering.placement import labels_in, tolerations_in


def test_a_setting_tolerates_the_taints_that_it_names() -> None:
    """By key, by value where it has one, by effect where it has one."""
    taint = {"key": "board", "value": "small", "effect": "NoSchedule"}
    for text, tolerates in {
        "board": True,
        "board=small:NoSchedule": True,
        "board=big": False,
        "board:NoExecute": False,
    }.items():
        [toleration] = tolerations_in(text)
        assert toleration.tolerates(taint) is tolerates
    assert tolerations_in("") == ()
    assert tolerations_in("board")[0].tolerates({"key": "board", "effect": "NoExecute"})
    assert labels_in("") == {}
