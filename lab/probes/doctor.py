"""What a stack on a cluster needs, one check after another: cluster, registry, images, store, metrics server."""

from collections.abc import Iterator

from lab.errors import LabError
from lab.probes.check import Check
from lab.probes.check_cluster import check_cluster
from lab.probes.check_images import check_images
from lab.probes.check_servers import check_prometheus, check_store
from lab.settings import LabSettings
from lab.targets.kubernetes.client.cluster import open_cluster


def check_everything(settings: LabSettings) -> Iterator[Check]:
    """Every check, as soon as it is made; nothing is changed anywhere.

    Where the cluster does not answer, what is in it is left out, and the rest is looked at all the same.
    """
    try:
        cluster = open_cluster(settings.kubeconfig, context=settings.context, namespace=settings.namespace)
        yield from check_cluster(cluster, settings)
    except LabError as error:
        said = " ".join(f"{error.attempted}: {error.found}".split())
        yield Check("cluster", good=False, found=said[:240], next_step=error.next_step)
    yield from check_images(settings)
    yield check_store(settings)
    yield check_prometheus(settings)
