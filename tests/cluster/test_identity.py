"""What a real runtime calls an image that it knows by two digests; it is known all the same for what it is."""

from functools import partial
from typing import Final

import pytest

from lab.probes.registry import holds
from lab.settings import LabSettings
from lab.targets.kubernetes.rollout.identity import doubts
from lab.targets.kubernetes.rollout.rows import PodView, Row, digest_of, pod_view
from tests.cluster.pods import SAYS, pod
from tests.cluster.rig.facts import RigFacts
from tests.cluster.rig.images import Image, push
from tests.cluster.rig.kubectl import Kubectl

ARCHITECTURE: Final = "amd64"
TRIES: Final = 64


@pytest.fixture
def image(rig: RigFacts) -> Image:
    """An image whose index has the digest that sorts first, as half of all have."""
    programs = {name: rig.programs / f"probe-{name}" for name in SAYS}
    for number in range(TRIES):
        made = push(f"{rig.registry}/known:{number}", programs, ["serve", f":{8080 + number}"])
        if made.digest < made.manifests[ARCHITECTURE]:
            return made
    raise AssertionError(f"of {TRIES} indices none sorts before its image")


def test_a_pinned_image_that_its_node_calls_by_the_index_is_proven(
    rig: RigFacts, kubectl: Kubectl, namespace: str, image: Image
) -> None:
    """Somebody ran it by its tag before; by the registry's word the index holds what was pinned."""

    def started(name: str, reference: str) -> PodView:
        asked = pod(name, rig.node(ARCHITECTURE), reference)
        kubectl.apply(asked | {"metadata": asked["metadata"] | {"namespace": namespace}})
        kubectl.wait("condition=Ready", f"--namespace={namespace}", f"pod/{name}")
        return pod_view(kubectl.get(f"--namespace={namespace}", "pod", name))

    started("before", image.unpinned)
    pinned = started("pinned", image.pinned(ARCHITECTURE))
    row = Row("app", "app", ARCHITECTURE, 1, 1, rolled_out=True, pods=(pinned,), trouble="")
    settings = LabSettings(registry=rig.registry, registry_insecure=True)
    nodes = {node.name: node.architecture for node in rig.nodes}

    assert digest_of(pinned.image_id) == image.digest, "the runtime calls it by what was pinned"
    assert doubts([row], nodes=nodes, said={}, holds=partial(holds, settings=settings)) == ()
    assert not holds(pinned.image_id, f"sha256:{0:064}", settings)
