"""Reads from the texts of settings on which nodes pods may run. Pure."""

from collections.abc import Mapping

from lab.snapshots.kubernetes import Toleration


def tolerations_in(text: str) -> tuple[Toleration, ...]:
    """Return the tolerations in a text that names taints as kubectl does.

    >>> tolerations_in("board=small:NoSchedule,old")  # doctest: +NORMALIZE_WHITESPACE
    (Toleration(key='board', operator='Equal', value='small', effect='NoSchedule'),
     Toleration(key='old', operator='Exists', value='', effect=''))
    """
    tolerations = []
    for taint in filter(None, text.split(",")):
        label, _, effect = taint.partition(":")
        key, _, value = label.partition("=")
        tolerations.append(Toleration.of_taint(key, value, effect))
    return tuple(tolerations)


def labels_in(text: str) -> Mapping[str, str]:
    """Return the labels in a selector.

    >>> labels_in("nodetype=board,zone=a")
    {'nodetype': 'board', 'zone': 'a'}
    """
    pairs = (label.partition("=") for label in filter(None, text.split(",")))
    return {key: value for key, _, value in pairs}
