"""An image that a real runtime knows by two digests is identified."""

from functools import partial
from typing import Final

import pytest

from lab.model import ProcessIdentity
from lab.model.image_references import digest_of
from lab.probes.registry import is_in_index
from lab.settings import LabSettings
from lab.targets.kubernetes.rollout.pods import PodView, pod_view
from lab.trials.identity import doubts
from tests.cluster.pods import SAYS, pod
from tests.cluster.rig.facts import RigFacts
from tests.cluster.rig.images import Image, push
from tests.cluster.rig.kubectl import Kubectl

ARCHITECTURE: Final = "amd64"
TRIES: Final = 64


@pytest.fixture
def image(rig: RigFacts) -> Image:
    """Push an image whose index has a digest that sorts before its manifest's, as half of all images have."""
    programs = {name: rig.programs / f"probe-{name}" for name in SAYS}
    for number in range(TRIES):
        image = push(f"{rig.registry}/known:{number}", programs, ["serve", f":{8080 + number}"])
        if image.digest < image.manifests[ARCHITECTURE]:
            return image
    raise AssertionError(f"of {TRIES} indices none sorts before its image")


def test_a_pinned_image_that_its_node_calls_by_the_index_is_proven(
    rig: RigFacts, kubectl: Kubectl, namespace: str, image: Image
) -> None:
    """The index was run before; the registry confirms that the index holds the pinned image."""

    def started(name: str, reference: str) -> PodView:
        manifest = pod(name, rig.node(ARCHITECTURE), reference)
        kubectl.apply(manifest | {"metadata": manifest["metadata"] | {"namespace": namespace}})
        kubectl.wait("condition=Ready", f"--namespace={namespace}", f"pod/{name}")
        return pod_view(kubectl.get(f"--namespace={namespace}", "pod", name))

    started("before", image.unpinned)
    pinned = started("pinned", image.pinned(ARCHITECTURE))
    settings = LabSettings(registry=rig.registry, registry_insecure=True)
    identity = ProcessIdentity(
        name="app",
        service="app",
        instance_id="",
        architecture=ARCHITECTURE,
        node=pinned.node,
        node_architecture={node.name: node.architecture for node in rig.nodes}[pinned.node],
        image=pinned.image,
        image_id=pinned.image_id,
        machine="",
    )

    assert digest_of(pinned.image_id) == image.digest, "the runtime calls it by what was pinned"
    assert doubts([identity], is_in_index=partial(is_in_index, settings=settings)) == ()
    assert not is_in_index(pinned.image_id, f"sha256:{0:064}", settings)
