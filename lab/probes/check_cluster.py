"""Checks of a cluster: its version, what its user may do, its nodes, the namespace."""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from lab.errors import Forbidden, LabError, UsageFault
from lab.probes.check import Check
from lab.probes.rights import missing_rights
from lab.settings import LabSettings
from lab.snapshots.kubernetes import OWN
from lab.snapshots.probes import Denial
from lab.targets.kubernetes.applying.apply import NAMESPACE, RESERVED, check_namespace
from lab.targets.kubernetes.client.cluster import Cluster
from lab.targets.kubernetes.client.rights import FAULTS_ROLE, Right, rbac_command
from lab.targets.kubernetes.objects import MANAGER, PART_OF
from lab.targets.kubernetes.rendering.from_settings import architectures_of
from lab.targets.kubernetes.rendering.render import needed_rights
from lab.targets.kubernetes.rendering.request import labels_in, tolerations_in

OLDEST: Final = (1, 30)
"""The first with `preStop.sleep`."""
KEEPING_AWAY: Final = frozenset({"NoSchedule", "NoExecute"})
POD_SECURITY: Final = "pod-security.kubernetes.io/enforce"
MAKE_NAMESPACE: Final = Right("create", "", "namespaces", "", "", "")
SHOWN: Final = 4
Object = Mapping[str, Any]
CORDONED: Final = f"{OWN}unschedulable"


class Seen(NamedTuple):
    """A node, and what keeps our pods away from it.

    Attributes:
        name: Its name.
        architecture: As its kubelet reports it.
        is_ready: Whether its kubelet says so.
        is_cordoned: Whether somebody told it to take no new pods.
        taints: What pods would have to tolerate.
        own_taints: What follows from a condition of the node and goes with it; nothing should tolerate these.
        lacks: Labels that our pods ask for.
    """

    name: str
    architecture: str
    is_ready: bool
    is_cordoned: bool
    taints: tuple[str, ...]
    own_taints: tuple[str, ...]
    lacks: tuple[str, ...]

    @property
    def is_usable(self) -> bool:
        """Whether our pods may run there."""
        return self.is_ready and not (self.is_cordoned or self.taints or self.own_taints or self.lacks)


def check_cluster(cluster: Cluster, settings: LabSettings) -> Iterator[Check]:
    """Everything about a cluster, one after another; what cannot be seen is a check that failed."""
    yield check_version(cluster.version(), _place(cluster))
    if cluster.namespace.startswith(RESERVED):
        step = "export LAB_NAMESPACE=testbed"
        yield Check("namespace", good=False, found=f"{cluster.namespace} belongs to the cluster", next_step=step)
        return
    grant = rbac_command(cluster.namespace, cluster.user())
    rights = needed_rights(cluster.namespace)
    yield check_rights(missing_rights(cluster, (one for one in rights if one.role != FAULTS_ROLE)), grant)
    yield check_faults(missing_rights(cluster, (one for one in rights if one.role == FAULTS_ROLE)), grant)
    try:
        yield from check_nodes(cluster.list("v1", "Node"), settings)
    except LabError as error:
        yield Check("nodes", good=False, found=_first(error), next_step=grant)
    yield _namespace(cluster, settings, grant)


def check_version(version: str, place: str) -> Check:
    """Whether the API server is new enough."""
    numbers = re.match(r"v(\d+)\.(\d+)", version)
    new = numbers is not None and (int(numbers[1]), int(numbers[2])) >= OLDEST
    step = "" if new else "upgrade it to Kubernetes ≥ 1.30, or name another: LAB_CONTEXT=name"
    return Check("cluster", new, f"{place}, {version}", step)


def check_rights(missing: Sequence[Denial], grant: str) -> Check:
    """Whether the user may do what the lab does."""
    if not missing:
        return Check("rights", good=True, found="everything that lab rbac print gives")
    return Check("rights", good=False, found=f"may not {_listed(missing)}", next_step=grant)


def check_faults(missing: Sequence[Denial], grant: str) -> Check:
    """Whether the user may break things on purpose; only what does so needs it."""
    if not missing:
        return Check("faults", good=True, found="may end a service's process (pods/exec)")
    return Check("faults", good=True, found=f"only faults need it: may not {_listed(missing)}", next_step=grant)


def check_nodes(nodes: Sequence[Object], settings: LabSettings) -> Iterator[Check]:
    """Every node, then whether each architecture has one that our pods may run on."""
    seen = [_seen(node, settings) for node in nodes]
    for node, one in zip(nodes, seen, strict=True):
        info = node["status"]["nodeInfo"]
        runs = f"{one.architecture}, kubelet {info['kubeletVersion']}, {info['containerRuntimeVersion']}"
        notes = [
            *([] if one.is_ready else ["not Ready"]),
            *(["cordoned, takes no new pods"] if one.is_cordoned else []),
        ]
        notes += [f"taint {taint} keeps pods away" for taint in (*one.taints, *one.own_taints)]
        notes += [f"lacks the label {label}" for label in one.lacks]
        step = "" if one.is_ready else f"kubectl describe node {shlex.quote(one.name)}"
        yield Check(f"node {one.name}", one.is_ready, "; ".join([runs, *notes]), step)
    yield _architectures(seen, settings)


def check_own_namespace(found: Object, cluster: Cluster, *, adopt: bool) -> Check:
    """Whether a namespace that is there may be deployed into."""
    metadata = found["metadata"]
    name, labels = metadata["name"], metadata.get("labels", {})
    if "deletionTimestamp" in metadata:
        step = shlex.join(["kubectl", "get", "namespace", name, "-o", "jsonpath={.status.conditions}"])
        return Check("namespace", good=False, found=f"{name} is being removed", next_step=step)
    try:
        check_namespace(cluster, adopt=adopt)
    except UsageFault as error:
        return Check("namespace", good=False, found=error.found, next_step=error.next_step)
    whose = "ours" if labels.get(PART_OF) == MANAGER else "another's, adopted"
    return Check(
        "namespace", good=True, found=f"{name}, {whose}; Pod Security {labels.get(POD_SECURITY, 'privileged')}"
    )


def _namespace(cluster: Cluster, settings: LabSettings, grant: str) -> Check:
    try:
        found = cluster.find(*NAMESPACE, cluster.namespace)
        if found is not None:
            return check_own_namespace(found, cluster, adopt=settings.adopt)
        made = cluster.may(MAKE_NAMESPACE)
    except Forbidden:
        return Check("namespace", good=False, found=f"may not look at {cluster.namespace}", next_step=grant)
    words = "not there yet; lab up makes it" if made else "not there, and this user may not make it"
    return Check("namespace", made, f"{cluster.namespace} is {words}", "" if made else grant)


def _architectures(nodes: Sequence[Seen], settings: LabSettings) -> Check:
    wanted = architectures_of(settings)
    usable = {one: [node.name for node in nodes if node.architecture == one and node.is_usable] for one in wanted}
    missing = [one for one in wanted if not usable[one]]
    if not missing:
        shown = "; ".join(f"{one}: {', '.join(usable[one])}" for one in wanted)
        return Check("placement", good=True, found=shown)
    barred = [node for node in nodes if node.architecture == missing[0]]
    taints = [taint for node in barred for taint in node.taints]
    if cordoned := [node.name for node in barred if node.is_cordoned and node.is_ready and not node.lacks]:
        step = shlex.join(["kubectl", "uncordon", cordoned[0]])
    elif taints:
        step = f"export LAB_TOLERATIONS={shlex.quote(','.join(filter(None, (settings.tolerations, *taints))))}"
    elif settings.node_selector and barred:
        step = f"kubectl label node NAME {shlex.join(settings.node_selector.split(','))}"
    elif any(usable.values()):
        step = f"export LAB_ARCHITECTURES={','.join(one for one in wanted if usable[one])}"
    else:
        step = "kubectl get nodes -L kubernetes.io/arch"
    return Check("placement", good=False, found=f"no node for {', '.join(missing)} pods", next_step=step)


def _seen(node: Object, settings: LabSettings) -> Seen:
    taints = _taints(node, settings)
    own = [one for one in taints if one.startswith(OWN)]
    return Seen(
        node["metadata"]["name"],
        node["status"]["nodeInfo"]["architecture"],
        is_ready=_is_ready(node),
        is_cordoned=bool(node["spec"].get("unschedulable")) or any(one.startswith(CORDONED) for one in own),
        taints=tuple(one for one in taints if one not in own),
        own_taints=tuple(one for one in own if not one.startswith(CORDONED)),
        lacks=tuple(_lacks(node, settings)),
    )


def _taints(node: Object, settings: LabSettings) -> list[str]:
    """Taints that keep our pods away, as kubectl writes them."""
    tolerated = tolerations_in(settings.tolerations)
    return [
        f"{taint['key']}{'=' + taint['value'] if taint.get('value') else ''}:{taint['effect']}"
        for taint in node["spec"].get("taints", ())
        if taint["effect"] in KEEPING_AWAY and not any(one.covers(taint) for one in tolerated)
    ]


def _lacks(node: Object, settings: LabSettings) -> list[str]:
    labels = node["metadata"].get("labels", {})
    return [f"{key}={value}" for key, value in labels_in(settings.node_selector).items() if labels.get(key) != value]


def _is_ready(node: Object) -> bool:
    conditions = node["status"].get("conditions", ())
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def _listed(missing: Sequence[Denial]) -> str:
    """The resources, each with its verbs."""
    verbs: dict[str, list[str]] = {}
    for one in missing:
        verbs.setdefault(f"{one.resource}.{one.group}" if one.group else one.resource, []).append(one.verb)
    shown = [f"{', '.join(dict.fromkeys(some))} {resource}" for resource, some in list(verbs.items())[:SHOWN]]
    more = len(verbs) - len(shown)
    return "; ".join(shown) + (f"; and {more} more kinds" if more else "")


def _place(cluster: Cluster) -> str:
    return f"{cluster.where.server} as {cluster.where.user}, context {cluster.where.context}"


def _first(error: LabError) -> str:
    return " ".join(f"{error.attempted}: {error.found}".split())[:240]
