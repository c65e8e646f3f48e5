"""What applying would do, from what the API server says it would."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any, Final

from lab.targets.kubernetes.applying.preview import preview_all
from lab.targets.kubernetes.objects import KubeObject, kube_object

Object = dict[str, Any]
NAMESPACE: Final[Object] = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "testbed"}}
SECRET: Final[Object] = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "lab-serving"},
    "data": {"token": "c2VjcmV0"},
}


def config_map(name: str, text: str = "a\nb\n", **metadata: Any) -> Object:
    """A ConfigMap that holds a text."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **metadata}, "data": {"x": text}}


class Server:
    """An API server that merges nothing: what is applied replaces what is there; satisfies `Previewed`."""

    namespace = "testbed"

    def __init__(self, *there: Object) -> None:
        self._there = {(one["kind"], one["metadata"]["name"]): one for one in there}

    def find(self, api_version: str, kind: str, name: str) -> Object | None:
        """See `Previewed.find`."""
        return self._there.get((kind, name))

    def list(self, api_version: str, kind: str, *, selector: str = "") -> Sequence[Mapping[str, Any]]:
        """See `Previewed.list`."""
        return [one for (of, _), one in self._there.items() if of == kind]

    def preview(self, wanted: Object, *, force: bool = False) -> tuple[Object | None, Object]:
        """See `Previewed.preview`; the answer bears what a server adds of its own."""
        before, after = self.find("", wanted["kind"], wanted["metadata"]["name"]), copy.deepcopy(wanted)
        after["metadata"] |= {"generation": 7, "resourceVersion": "1", "managedFields": [{"time": "now"}]}
        after["status"] = {"replicas": 3}
        return (None if wanted["kind"] == "Secret" else before), after


def objects(*bodies: Object) -> list[KubeObject]:
    """Bodies as objects."""
    return [kube_object(body) for body in bodies]


def test_every_object_is_told_by_what_would_happen_to_it() -> None:
    """What the stack no longer wants comes last; the namespace stays as it is."""
    server = Server(NAMESPACE, config_map("same"), config_map("other"), config_map("old"))
    wanted = objects(NAMESPACE, config_map("same"), config_map("other", "a\nc\n"), config_map("new"))
    intents = preview_all(server, wanted, stack="lab")
    assert [(one.name, one.change) for one in intents] == [
        ("same", "unchanged"),
        ("other", "change"),
        ("new", "create"),
        ("old", "remove"),
    ]


def test_a_change_is_a_diff_of_what_was_asked_for() -> None:
    """Line by line within a text; what the server adds of its own is left out."""
    [intent] = preview_all(Server(NAMESPACE, config_map("x")), objects(config_map("x", "a\nc\n")), stack="lab")
    assert [line for line in intent.diff.splitlines()[2:] if line[0] in "+-"] == ["-    b", "+    c"]


def test_what_the_server_counts_is_no_change() -> None:
    """A revision, a generation, who manages which field."""
    there = config_map("x", annotations={"deployment.kubernetes.io/revision": "4"}, uid="u", generation=6)
    [intent] = preview_all(Server(NAMESPACE, there), objects(config_map("x")), stack="lab")
    assert intent.change == "unchanged"


def test_a_secret_would_be_written_and_shows_nothing() -> None:
    """It is not read, and so there is no diff."""
    [intent] = preview_all(Server(NAMESPACE, SECRET), objects(SECRET), stack="lab")
    assert intent == ("Secret", "lab-serving", "write", "")


def test_without_its_namespace_everything_would_be_created() -> None:
    """A server that has no such namespace cannot be asked."""
    intents = preview_all(Server(), objects(NAMESPACE, config_map("x")), stack="lab")
    assert [(one.kind, one.change) for one in intents] == [("Namespace", "create"), ("ConfigMap", "create")]
