"""One user's connection to the API server of one cluster."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final

from kubernetes.dynamic import DynamicClient
from kubernetes.dynamic.exceptions import ResourceNotFoundError

from lab.errors import BadConfig
from lab.snapshots.kubernetes.kinds import Kind
from lab.targets.kubernetes.client.errors import lab_errors
from lab.targets.kubernetes.client.resource import Resource
from lab.targets.kubernetes.client.where import Where

TIMEOUT_S: Final = 10.0
Query = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Connection:
    """A client of the API server, and the place that it works on.

    Attributes:
        client: Client of one user of one cluster.
        where: The place that errors name.
    """

    client: DynamicClient
    where: Where

    def resource(self, kind: Kind) -> Resource:
        """Return the client's access to a kind.

        Raises:
            BadConfig: The cluster does not have the kind.
        """
        with self.errors("cannot reach the cluster"):
            try:
                # Without the prefix, the client discovers every version of every group.
                prefix = "apis" if "/" in kind.api_version else "api"
                resource: Resource = self.client.resources.get(
                    prefix=prefix, api_version=kind.api_version, kind=kind.name
                )
            except ResourceNotFoundError as error:
                raise BadConfig(
                    f"this cluster knows no {kind.name} of {kind.api_version}",
                    found=f"it is {self.where.server}",
                    next_step=f"use a cluster that has the kind: kubectl api-resources | grep {kind.name}",
                ) from error
        return resource

    def namespace_of(self, resource: Resource) -> str | None:
        """Return the namespace for requests about a kind; None for a kind of the whole cluster."""
        return self.where.namespace if resource.namespaced else None

    def read(self, path: str, query: Query, *, timeout_s: float = TIMEOUT_S) -> bytes:
        """Return the response to a GET request, undecoded."""
        response = self.client.request(
            "get", path, query_params=list(query.items()), serialize=False, _request_timeout=timeout_s
        )
        return bytes(response.data)

    def errors(self, attempted: str) -> AbstractContextManager[None]:
        """Raise errors of the lab in place of the client's; see `lab_errors`."""
        return lab_errors(attempted, self.where)
