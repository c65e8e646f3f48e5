"""One Kubernetes cluster as one user sees it, in one namespace; the only user of its client."""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from lab.errors import BadConfig, Exists, Forbidden, LabError, Unavailable
from lab.targets.kubernetes.client.rights import granting

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from kubernetes.client import ApiClient
    from kubernetes.dynamic import DynamicClient

    from lab.targets.kubernetes.client.rights import Right

MANAGER: Final = "observability-lab"
"""The one field manager of everything the lab applies."""
TIMEOUT_S: Final = 10.0
LOG_S: Final = 30.0
GONE: Final = 404
NO_LOG: Final = (400, GONE)
"""What is answered for a container that has not run yet, or has no run before; and for a pod that is gone."""
NO_API: Final = (AttributeError, KeyError, TypeError, ValueError)
"""What the library stumbles over where something answers that is no API server."""
REVIEW: Final = "authorization.k8s.io/v1"
WHO: Final = "authentication.k8s.io/v1"
SECRET: Final = "Secret"  # noqa: S105  a kind
Object = dict[str, Any]
"""An object as the API has it: JSON, camelCase."""


class Where(NamedTuple):
    """What is about to be changed; shown before anything is."""

    server: str
    user: str
    context: str
    namespace: str


class Applied(NamedTuple):
    """What applying one object did: `created`, `changed`, `unchanged`; `written` where that cannot be told."""

    kind: str
    name: str
    change: str


class Cluster:
    """Asks the API server; every foreign error becomes one of ours.

    Args:
        client: Of one user of one cluster.
        where: Its names.
    """

    def __init__(self, client: DynamicClient, where: Where) -> None:
        self._client, self.where = client, where

    @property
    def namespace(self) -> str:
        """Where everything of ours is."""
        return self.where.namespace

    def apply(self, wanted: Object, *, force: bool = False) -> Applied:
        """Server-side apply of one object.

        Raises:
            Exists: Another manager owns a field; the message names it.
            Forbidden: The user may not.
        """
        kind, name = str(wanted["kind"]), str(wanted["metadata"]["name"])
        before, after = self._server_side_apply(wanted, force=force)
        if before is None:
            return Applied(kind, name, "written" if kind == SECRET else "created")
        same = before["metadata"]["resourceVersion"] == after["metadata"]["resourceVersion"]
        return Applied(kind, name, "unchanged" if same else "changed")

    def preview(self, wanted: Object, *, force: bool = False) -> tuple[Object | None, Object]:
        """An object as it is, and as `apply` would leave it, by the API server's word; nothing is changed.

        The first is None where there is no such object, and for a Secret.

        Raises:
            Exists: Another manager owns a field; the message names it.
            Forbidden: The user may not.
        """
        return self._server_side_apply(wanted, force=force, dry_run="All")

    def find(self, api_version: str, kind: str, name: str) -> Object | None:
        """One object, or None where there is none."""
        resource = self._resource(api_version, kind)
        with self._our_errors(f"cannot read {kind} {name}"):
            try:
                namespace = self.namespace if resource.namespaced else None
                found: Object = resource.get(name=name, namespace=namespace, _request_timeout=TIMEOUT_S).to_dict()
            except Exception as error:
                if getattr(error, "status", 0) == GONE:
                    return None
                raise
        return found

    def list(self, api_version: str, kind: str, *, selector: str = "") -> Sequence[Object]:
        """Every object of a kind in the namespace (or in the cluster, where the kind has none)."""
        resource = self._resource(api_version, kind)
        with self._our_errors(f"cannot list {kind}s"):
            answer: Object = resource.get(
                namespace=self.namespace if resource.namespaced else None,
                label_selector=selector or None,
                _request_timeout=TIMEOUT_S,
            ).to_dict()
        return list(answer["items"])

    def delete(self, api_version: str, kind: str, name: str) -> bool:
        """Remove one object and what it owns; False where there was none."""
        resource = self._resource(api_version, kind)
        with self._our_errors(f"cannot delete {kind} {name}"):
            try:
                resource.delete(
                    name=name,
                    namespace=self.namespace if resource.namespaced else None,
                    body={"propagationPolicy": "Background"},
                    _request_timeout=TIMEOUT_S,
                )
            except Exception as error:
                if getattr(error, "status", 0) == GONE:
                    return False
                raise
        return True

    def may(self, right: Right) -> bool:
        """Whether the user has a right, by the API server's own word; everybody may ask that."""
        resource, _, subresource = right.resource.partition("/")
        asked = {"verb": right.verb, "group": right.group, "resource": resource, "namespace": right.namespace}
        asked |= {"subresource": subresource, "name": right.name}
        body = {"apiVersion": REVIEW, "kind": "SelfSubjectAccessReview", "spec": {"resourceAttributes": asked}}
        resource_of = self._resource(REVIEW, "SelfSubjectAccessReview")
        with self._our_errors("cannot ask what this user may do"):
            answer: Object = resource_of.create(body=body, _request_timeout=TIMEOUT_S).to_dict()
        return bool(answer["status"]["allowed"])

    def user(self) -> str:
        """Who the API server takes the user for; what the kubeconfig calls it where the server does not say."""
        try:
            resource = self._resource(WHO, "SelfSubjectReview")
            with self._our_errors("cannot ask who this user is"):
                body = {"apiVersion": WHO, "kind": "SelfSubjectReview"}
                answer: Object = resource.create(body=body, _request_timeout=TIMEOUT_S).to_dict()
        except LabError:
            return self.where.user
        return str(answer["status"]["userInfo"]["username"])

    def version(self) -> str:
        """What the API server says it is now, for example `v1.31.2`."""
        with self._our_errors("cannot reach the cluster"):
            answer = self._client.request("get", "/version", serialize=False)
        return str(json.loads(answer.data)["gitVersion"])

    def log(self, pod: str, container: str = "", *, previous: bool = False, lines: int | None = None) -> str:
        """What a container of a pod printed, the service in it unless named; empty where it never ran."""
        query: list[tuple[str, object]] = [("previous", str(previous).lower())]
        query += [("container", container)] if container else []
        query += [("tailLines", lines)] if lines is not None else []
        return self._log(pod, query)

    def log_since(self, pod: str, since: str, lines: int, *, container: str = "") -> str:
        """As `log`, since a time (RFC 3339, empty for its start), each line behind its time."""
        query: list[tuple[str, object]] = [("timestamps", "true"), ("tailLines", lines)]
        query += [("container", container)] if container else []
        return self._log(pod, query + ([("sinceTime", since)] if since else []))

    def _log(self, pod: str, query: Sequence[tuple[str, object]]) -> str:
        path = f"/api/v1/namespaces/{self.namespace}/pods/{pod}/log"
        with self._our_errors(f"cannot read the log of {pod}"):
            try:
                answer = self._client.request(
                    "get", path, query_params=list(query), serialize=False, _request_timeout=LOG_S
                )
            except Exception as error:
                if getattr(error, "status", 0) in NO_LOG:
                    return ""
                raise
        return bytes(answer.data).decode("utf-8", "replace")

    def _server_side_apply(
        self, wanted: Object, *, force: bool, dry_run: str | None = None
    ) -> tuple[Object | None, Object]:
        """What was there before, and what there is afterwards."""
        kind, name = str(wanted["kind"]), str(wanted["metadata"]["name"])
        resource = self._resource(str(wanted["apiVersion"]), kind)
        # A Secret is written and never read back: nobody needs the right to.
        before = None if kind == SECRET else self.find(str(wanted["apiVersion"]), kind, name)
        with self._our_errors(f"cannot apply {kind} {name}"):
            after: Object = resource.server_side_apply(
                body=wanted,
                name=name,
                namespace=self.namespace if resource.namespaced else None,
                field_manager=MANAGER,
                force_conflicts=force,
                dry_run=dry_run,
                _request_timeout=TIMEOUT_S,
            ).to_dict()
        return before, after

    def _resource(self, api_version: str, kind: str) -> Any:  # noqa: ANN401  the client has no types
        from kubernetes.dynamic.exceptions import ResourceNotFoundError  # noqa: PLC0415 - heavy

        with self._our_errors("cannot reach the cluster"):
            try:
                # Without it, the version of every group there is would be asked for.
                prefix = "apis" if "/" in api_version else "api"
                return self._client.resources.get(prefix=prefix, api_version=api_version, kind=kind)
            except ResourceNotFoundError as error:
                raise BadConfig(
                    f"this cluster knows no {kind} of {api_version}", found=f"it is {self.where.server}"
                ) from error

    def _our_errors(self, attempted: str) -> AbstractContextManager[None]:
        return _our_errors(attempted, self.where)


@contextmanager
def _our_errors(attempted: str, where: Where) -> Iterator[None]:
    from kubernetes.client.exceptions import ApiException  # noqa: PLC0415 - heavy
    from urllib3.exceptions import HTTPError  # noqa: PLC0415 - heavy

    try:
        yield
    except ApiException as error:
        raise _fault(attempted, error.status, _message(error.body), where) from error
    except (HTTPError, OSError) as error:
        raise _unreachable(attempted, error, where) from error


def open_cluster(kubeconfig: Path | None, *, context: str, namespace: str) -> Cluster:
    """The cluster that a kubeconfig names; nothing is asked of it but what it is.

    Args:
        kubeconfig: Its file; None takes the one `kubectl` would.
        context: Name of a context in it; empty takes the current one.
        namespace: Where everything of ours is to be.

    Raises:
        BadConfig: The file cannot be read, or has no such context.
        Forbidden: The cluster does not know this user.
        Unavailable: Nobody answers there.
    """
    from kubernetes import config  # noqa: PLC0415 - heavy

    file = str(kubeconfig) if kubeconfig else None
    try:
        contexts, current = config.list_kube_config_contexts(config_file=file)
        client = config.new_client_from_config(config_file=file, context=context or None)
    except (config.ConfigException, OSError, ValueError) as error:
        raise BadConfig(
            "cannot read the kubeconfig",
            found=str(error).splitlines()[0],
            next_step="LAB_KUBECONFIG=/path/to/file LAB_CONTEXT=name      (kubectl config get-contexts)",
        ) from error
    chosen = next((one for one in contexts if one["name"] == context), current)
    where = Where(str(client.configuration.host), str(chosen["context"].get("user", "")), chosen["name"], namespace)
    with _our_errors("cannot reach the cluster", where):
        try:
            return Cluster(_discovering(client), where)
        except NO_API as error:
            raise _unreachable("cannot reach the cluster", error, where) from error


def server_of(kubeconfig: Path | None, *, context: str) -> str:
    """Address of the cluster that a kubeconfig names; empty where it names none. Nobody is asked, nor logged in."""
    from kubernetes.config import ConfigException, kube_config  # noqa: PLC0415 - heavy

    file = str(kubeconfig) if kubeconfig else kube_config.KUBE_CONFIG_DEFAULT_LOCATION
    try:
        found = kube_config.KubeConfigMerger(file).config
        chosen = found["contexts"].get_with_name(context or found["current-context"])["context"]
        return str(found["clusters"].get_with_name(chosen["cluster"])["cluster"]["server"]).rstrip("/")
    except (ConfigException, OSError, ValueError, TypeError):
        return ""


def _discovering(client: ApiClient) -> DynamicClient:
    """A client that asks what the server has once it is needed, and forgets it with this process.

    The library would keep that in a file that everybody may write, by the server's address, and believe it for ever.
    """
    from kubernetes.dynamic import DynamicClient  # noqa: PLC0415 - heavy

    class Asking(DynamicClient):
        """Whose every request has an end."""

        def request(self, method: str, path: str, body: Object | None = None, **params: Any) -> Any:  # noqa: ANN401
            """See `DynamicClient.request`."""
            return super().request(method, path, body, **{"_request_timeout": TIMEOUT_S, **params})

    with TemporaryDirectory(prefix="lab-discovery-") as folder:
        made: DynamicClient = Asking(client, cache_file=str(Path(folder) / "resources.json"))  # type: ignore[no-untyped-call]
    return made


def _message(body: object) -> str:
    """The sentence in an answer of the API server."""
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else str(body or "")
    try:
        return str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        return text[:300]


def _fault(attempted: str, status: int, said: str, where: Where) -> LabError:
    up = f"lab up --target kubernetes --namespace {where.namespace}"
    faults: Mapping[int, tuple[type[LabError], str, str]] = {
        401: (Forbidden, "the cluster does not know this user; log in again", "E_RBAC"),
        403: (Forbidden, granting(where.namespace, said, otherwise=where.user), "E_RBAC"),
        409: (Exists, f"{up} --force      (takes the fields over)", "E_CONFLICT"),
        422: (BadConfig, f"{up} --render out/      (shows the objects)", "E_INVALID"),
    }
    kind, step, code = faults.get(status, (Unavailable, "lab doctor --target kubernetes", "E_API"))
    return kind(attempted, found=f"{where.server} as {where.user}: {said}", next_step=step, code=code)


def _unreachable(attempted: str, error: Exception, where: Where) -> Unavailable:
    cause = getattr(error, "reason", None) or error
    return Unavailable(
        attempted, found=f"{where.server}: {str(cause)[:200]}", next_step="kubectl cluster-info", code="E_UNREACHABLE"
    )
