"""Opens the cluster that a kubeconfig names."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from kubernetes.client import ApiClient
from kubernetes.config import (
    ConfigException,
    kube_config,
    list_kube_config_contexts,
    new_client_from_config,
)
from kubernetes.dynamic import DynamicClient

from lab.errors import BadConfig
from lab.snapshots.kubernetes import Raw
from lab.targets.kubernetes.client.cluster import Cluster
from lab.targets.kubernetes.client.connection import TIMEOUT_S, Connection
from lab.targets.kubernetes.client.errors import lab_errors, unreachable
from lab.targets.kubernetes.client.where import Where

NOT_AN_API: Final = (AttributeError, KeyError, TypeError, ValueError)
"""Errors of the client where the server that answers is no API server."""


def open_cluster(kubeconfig: Path | None, *, context: str, namespace: str) -> Cluster:
    """Open the cluster that a kubeconfig names; see `OpenCluster`. Asks the server for its version and its groups."""
    file = str(kubeconfig) if kubeconfig else None
    try:
        contexts, current = list_kube_config_contexts(config_file=file)
        client = new_client_from_config(config_file=file, context=context or None)
    except (ConfigException, OSError, ValueError) as error:
        raise BadConfig(
            "cannot read the kubeconfig",
            found=str(error).splitlines()[0],
            next_step="LAB_KUBECONFIG=/path/to/file LAB_CONTEXT=name      (kubectl config get-contexts)",
        ) from error
    chosen = next((entry for entry in contexts if entry["name"] == context), current)
    where = Where(str(client.configuration.host), str(chosen["context"].get("user", "")), chosen["name"], namespace)
    with lab_errors("cannot reach the cluster", where):
        try:
            return Cluster(Connection(_discovered(client), where))
        except NOT_AN_API as error:
            raise unreachable("cannot reach the cluster", error, where) from error


def server_of(kubeconfig: Path | None, *, context: str) -> str:
    """Return the address of the cluster that a kubeconfig names; empty where it names none. Asks no server."""
    file = str(kubeconfig) if kubeconfig else kube_config.KUBE_CONFIG_DEFAULT_LOCATION
    try:
        content = kube_config.KubeConfigMerger(file).config
        chosen = content["contexts"].get_with_name(context or content["current-context"])["context"]
        return str(content["clusters"].get_with_name(chosen["cluster"])["cluster"]["server"]).rstrip("/")
    except (ConfigException, OSError, ValueError, TypeError):
        return ""


class _TimedClient(DynamicClient):
    """A client whose every request has a timeout, discovery included."""

    def request(self, method: str, path: str, body: Raw | None = None, **params: object) -> object:
        return super().request(method, path, body, **{"_request_timeout": TIMEOUT_S, **params})


def _discovered(client: ApiClient) -> DynamicClient:
    """Return a client that discovers the kinds of the server when needed, and forgets them with this process.

    By default, the client caches them for ever, in a file that every user may write.
    """
    with TemporaryDirectory(prefix="lab-discovery-") as folder:
        return _TimedClient(client, cache_file=str(Path(folder) / "resources.json"))  # type: ignore[no-untyped-call]
