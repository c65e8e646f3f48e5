"""A preview tells what applying would do, by what the API server says it would."""

from lab.targets.kubernetes.applying.preview import preview_all
from tests.fakes.cluster import FakeClusterClient
from tests.unit.targets.kubernetes.clusters import NAMESPACE, SECRET, config_map, objects


def test_every_object_has_an_intent() -> None:
    """Objects that the stack no longer wants come last; the namespace stays as it is."""
    cluster = FakeClusterClient(NAMESPACE, config_map("same"), config_map("other"), config_map("old"))
    wanted = objects(NAMESPACE, config_map("same"), config_map("other", "a\nc\n"), config_map("new"))
    intents = preview_all(cluster, wanted, stack="lab")
    assert [(intent.name, intent.change) for intent in intents] == [
        ("same", "unchanged"),
        ("other", "change"),
        ("new", "create"),
        ("old", "remove"),
    ]


def test_a_change_has_a_diff_of_what_is_applied() -> None:
    """Line by line within a text; what the server adds is left out."""
    [intent] = preview_all(
        FakeClusterClient(NAMESPACE, config_map("x")), objects(config_map("x", "a\nc\n")), stack="lab"
    )
    assert [line for line in intent.diff.splitlines()[2:] if line[0] in "+-"] == ["-    b", "+    c"]


def test_what_the_server_counts_is_no_change() -> None:
    """A revision, a generation, who manages which field."""
    there = config_map("x", annotations={"deployment.kubernetes.io/revision": "4"}, uid="u", generation=6)
    [intent] = preview_all(FakeClusterClient(NAMESPACE, there), objects(config_map("x")), stack="lab")
    assert intent.change == "unchanged"


def test_a_secret_would_be_written_and_shows_nothing() -> None:
    """Secrets are not read, so that there is no diff."""
    [intent] = preview_all(FakeClusterClient(NAMESPACE, SECRET), objects(SECRET), stack="lab")
    assert intent == ("Secret", "lab-serving", "write", "")


def test_without_its_namespace_everything_would_be_created() -> None:
    """A server previews nothing in a namespace that is not there."""
    intents = preview_all(FakeClusterClient(), objects(NAMESPACE, config_map("x")), stack="lab")
    assert [(intent.kind, intent.change) for intent in intents] == [("Namespace", "create"), ("ConfigMap", "create")]
