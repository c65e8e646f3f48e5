"""The rig's programs are rebuilt when their sources change, and only then."""

import dataclasses

from tests.cluster.rig.programs import MODULES, key_of

GO = "go1.26.0"


def test_the_same_recipe_has_the_same_key() -> None:
    """So nothing is built twice."""
    assert key_of(MODULES, GO) == key_of(MODULES, GO)


def test_a_change_of_a_source_a_version_or_the_compiler_changes_the_key() -> None:
    """So outdated programs are not used."""
    first, *rest = MODULES
    changed = [
        key_of(MODULES, "go1.27.0"),
        key_of((dataclasses.replace(first, requires="k8s.io/kubernetes v1.34.5"), *rest), GO),
        key_of((*rest, dataclasses.replace(first, sources={"main.go": "package main"})), GO),
    ]

    assert len({key_of(MODULES, GO), *changed}) == 1 + len(changed)
