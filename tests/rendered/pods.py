"""Checks pods against Pod Security `restricted` and against this project's own rules."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from lab.targets.kubernetes.objects import KubeObject

VOLUMES: Final = frozenset({"configMap", "downwardAPI", "emptyDir", "projected", "secret"})
"""Volumes that `restricted` allows and that do not pin a pod to a node."""
SECCOMP: Final = frozenset({"RuntimeDefault", "Localhost"})

Spec = Mapping[str, Any]


def pod_findings(objects: Iterable[KubeObject]) -> list[str]:
    """Return everything that is wrong with a pod, each as `Deployment NAME: finding`."""
    return [f"{item}: {finding}" for item in objects if item.pod for finding in _of_pod(item)]


def _of_pod(item: KubeObject) -> Iterator[str]:
    pod = item.pod
    security = pod.get("securityContext") or {}
    yield from (key for key in ("hostNetwork", "hostPID", "hostIPC", "hostUsers") if pod.get(key))
    if security.get("sysctls"):
        yield "sysctls"
    if pod.get("automountServiceAccountToken") is not False:
        yield "mounts a token"
    if not pod.get("serviceAccountName"):
        yield "has no identity of its own"
    for volume in pod.get("volumes") or ():
        yield from _of_volume(volume)
    for container in item.containers():
        yield from (f"{container['name']}: {finding}" for finding in _of_container(container, security))


def _of_volume(volume: Spec) -> Iterator[str]:
    source = next(key for key in volume if key != "name")
    if source not in VOLUMES:
        yield f"volume {volume['name']} is {source}"
    if source == "emptyDir" and not volume[source].get("sizeLimit"):
        yield f"volume {volume['name']} may fill the node"


def _of_container(container: Spec, pod_security: Spec) -> Iterator[str]:
    own = container.get("securityContext") or {}
    both = {**pod_security, **own}
    capabilities = own.get("capabilities") or {}
    wrong = {
        "privileged": own.get("privileged"),
        "may gain privileges": own.get("allowPrivilegeEscalation") is not False,
        "keeps capabilities": "ALL" not in capabilities.get("drop", ()),
        "adds capabilities": set(capabilities.get("add", ())) - {"NET_BIND_SERVICE"},
        "may be root": both.get("runAsNonRoot") is not True or not both.get("runAsUser"),
        "no seccomp profile": (both.get("seccompProfile") or {}).get("type") not in SECCOMP,
        "procMount": own.get("procMount", "Default") != "Default",
        "host port": [port for port in container.get("ports") or () if port.get("hostPort")],
        "writable root": own.get("readOnlyRootFilesystem") is not True,
    }
    yield from (finding for finding, is_wrong in wrong.items() if is_wrong)
    yield from _of_resources(container.get("resources") or {})


def _of_resources(resources: Spec) -> Iterator[str]:
    for kind, names in {"requests": ("cpu", "memory"), "limits": ("memory",)}.items():
        yield from (f"no {name} in {kind}" for name in names if name not in (resources.get(kind) or {}))
    # The kernel enforces a CPU limit by pausing the process, which would be measured as the service's latency.
    if "cpu" in (resources.get("limits") or {}):
        yield "is throttled"
