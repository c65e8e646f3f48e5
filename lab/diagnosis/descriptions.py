"""The facts of a snapshot that was taken before a deployment, in a few words for each part. Pure."""

from collections.abc import Iterable
from typing import Final

from lab.diagnosis.obstacles import obstacles, usable_nodes
from lab.model.image_references import shortened
from lab.snapshots.choices import SettingsProbe
from lab.snapshots.cluster import ClusterProbe
from lab.snapshots.gaps import Denial
from lab.snapshots.images import ImageProbe
from lab.snapshots.kubernetes import Node
from lab.snapshots.machine import MachineProbe
from lab.snapshots.snapshot import Snapshot
from lab.snapshots.unscraped import not_scraped

INSIDE: Final = "inside the cluster; lab up makes it"
SCRAPED: Final = "none"
"""As `remote_write_url`: the collector writes nowhere, and is scraped."""
POD_SECURITY: Final = "pod-security.kubernetes.io/enforce"
SHOWN_KINDS: Final = 4
"""Resources that a description of missing rights names."""


def cluster(snapshot: Snapshot) -> str:
    """Return server, user, context and version."""
    here = _cluster(snapshot)
    if not here.server or here.error:
        return ""
    return f"{here.server} as {here.user}, context {here.context}, {here.version}"


def rights(snapshot: Snapshot) -> str:
    """Return which rights are missing, by resource."""
    missing = listed(snapshot.probes.denials)
    return f"may not {missing}" if missing else "everything that lab rbac print gives"


def faults(snapshot: Snapshot) -> str:
    """Return whether the user may break things on purpose."""
    missing = listed(_cluster(snapshot).lacking_for_faults)
    return f"only faults need it: may not {missing}" if missing else "may end a service's process (pods/exec)"


def node(snapshot: Snapshot, name: str) -> str:
    """Return architecture, versions, and what keeps pods away from a node."""
    here = snapshot.node(name)
    if here is None:
        return ""
    info = here.status.get("nodeInfo", {})
    runs = [
        here.architecture,
        f"kubelet {info.get('kubeletVersion', '')}",
        str(info.get("containerRuntimeVersion", "")),
    ]
    return "; ".join([", ".join(runs), *_notes(here, _settings(snapshot))])


def placement(snapshot: Snapshot) -> str:
    """Return architecture → usable nodes, of the architectures that have some."""
    return "; ".join(f"{name}: {', '.join(usable)}" for name, usable in usable_nodes(snapshot).items() if usable)


def namespace(snapshot: Snapshot) -> str:
    """Return whose namespace it is, and what it enforces."""
    metadata = snapshot.objects.namespace.get("metadata", {})
    here = _cluster(snapshot)
    if here.namespace_is_ours is None:
        return f"{snapshot.namespace} is not there yet; lab up makes it" if here.may_make_namespace else ""
    if not here.namespace_is_ours and not _settings(snapshot).adopt:
        return ""
    whose = "ours" if here.namespace_is_ours else "another's, adopted"
    enforced = (metadata.get("labels") or {}).get(POD_SECURITY, "privileged")
    return f"{snapshot.namespace}, {whose}; Pod Security {enforced}"


def registry(snapshot: Snapshot) -> str:
    """Return the registry, and how it is spoken to."""
    settings = _settings(snapshot)
    how = "plain HTTP; builder and nodes must know: lab registry config" if settings.registry_is_plain else "HTTPS"
    return f"{settings.registry}, {how}" if settings.registry else ""


def images(snapshot: Snapshot) -> str:
    """Return where the locked images are, and whether they were looked for."""
    lock = _settings(snapshot).lock
    if lock is None or lock.error:
        return ""
    is_probed = bool(lock.images) and all(snapshot.probes.image(image.reference) for image in lock.images)
    return f"images.lock of {lock.registry}, tag {lock.tag}: " + (
        f"{_held(snapshot)} there" if is_probed else "not looked for"
    )


def image(snapshot: Snapshot, setting: str) -> str:
    """Return the image that a setting names, and what the registry tells of it."""
    settings = _settings(snapshot)
    reference = next((image.reference for image in settings.images if image.setting == setting), "")
    probe = snapshot.probes.image(reference) or ImageProbe(reference)
    if not reference:
        return ""
    host = reference.partition("/")[0]
    known = probe.architecture if probe.found else "" if probe.found is False else f"{host} does not answer from here"
    return ", ".join(filter(None, (shortened(reference), known)))


def store(snapshot: Snapshot) -> str:
    """Return kind, version, address, eviction policy and durability of a store outside."""
    probe = snapshot.probes.store
    if probe is None:
        return INSIDE if _settings(snapshot).store == "inside" else ""
    if not probe.version:
        return probe.address
    server = f"{probe.kind} {probe.version} at {probe.address}"
    return f"{server}, {probe.policy or 'policy unknown'}, {probe.durability}"


def prometheus(snapshot: Snapshot) -> str:
    """Return version and address of a metrics server outside, and how metrics come into it."""
    probe, settings = snapshot.probes.prometheus, _settings(snapshot)
    if probe is None:
        return INSIDE if settings.prometheus == "inside" else ""
    server = f"{probe.version or 'a server'} at {probe.url}"
    if not probe.reachable or snapshot.is_local:
        return server if probe.reachable else probe.url
    if settings.remote_write_url == SCRAPED:
        return f"{server}; let it scrape the collector with honor_labels: true (manifests/README.md)"
    if settings.remote_write_url:
        return f"{server}; the collector writes to {settings.remote_write_url}, not asked"
    receiver = {True: ", remote-write receiver on", False: ", its remote-write receiver is off", None: ""}
    return server + receiver[probe.receives]


def platform(snapshot: Snapshot) -> str:
    """Return system and architecture."""
    machine = _machine(snapshot)
    return f"{machine.system} {machine.architecture}"


def python(snapshot: Snapshot) -> str:
    """Return the version of Python."""
    return _machine(snapshot).python


def local_store(snapshot: Snapshot) -> str:
    """Return the store that the settings name, else the program that is started."""
    return store(snapshot) if snapshot.probes.store else _program(snapshot, "redis")


def local_prometheus(snapshot: Snapshot) -> str:
    """Return the metrics server that the settings name, else the program that is started or fetched."""
    program = snapshot.program("prometheus")
    if program is not None and not program.program and _settings(snapshot).fetches:
        return "not here yet; the first run fetches it with apt-get, without root"
    return prometheus(snapshot) if snapshot.probes.prometheus else _program(snapshot, "prometheus")


def telemetry(snapshot: Snapshot) -> str:
    """Return where the metrics of the services go: where the settings name no Prometheus, the lab's scrapes them."""
    settings = _settings(snapshot)
    if settings.prometheus_url:
        return "as the variables OTEL_… say"
    elsewhere = not_scraped(settings.environment)
    return elsewhere.why if elsewhere else "scraped every second"


def disk(snapshot: Snapshot) -> str:
    """Return the free space where stacks and runs are kept."""
    machine = _machine(snapshot)
    return f"{machine.state_free_bytes / 1e9:,.1f} GB free"


def runs(snapshot: Snapshot) -> str:
    """Return where runs are kept, and how many there are."""
    machine = _machine(snapshot)
    return f"{machine.runs_dir} ({machine.runs} runs)"


def listed(denials: Iterable[Denial]) -> str:
    """Return resources with the verbs that are missing.

    >>> listed([Denial("get", "deployments", group="apps"), Denial("patch", "deployments", group="apps")])
    'get, patch deployments.apps'
    """
    verbs: dict[str, list[str]] = {}
    for denial in denials:
        resource = f"{denial.resource}.{denial.group}" if denial.group else denial.resource
        verbs.setdefault(resource, []).append(denial.verb)
    shown = [f"{', '.join(dict.fromkeys(some))} {resource}" for resource, some in list(verbs.items())[:SHOWN_KINDS]]
    more = len(verbs) - len(shown)
    return "; ".join(shown) + (f"; and {more} more kinds" if more else "")


def _notes(here: Node, settings: SettingsProbe) -> list[str]:
    of = obstacles(here, settings)
    return [
        *([] if here.is_ready else ["not Ready"]),
        *(["cordoned, takes no new pods"] if of.is_cordoned else []),
        *(f"taint {taint} keeps pods away" for taint in (*of.taints, *of.condition_taints)),
        *(f"lacks the label {label}" for label in of.missing_labels),
    ]


def _held(snapshot: Snapshot) -> str:
    """Return how many of the locked images the registry holds as they should be."""
    lock = _settings(snapshot).lock
    wanted = lock.images if lock else ()
    probes = [(image, snapshot.probes.image(image.reference)) for image in wanted]
    held = [image for image, probe in probes if probe and probe.architecture == image.architecture]
    return f"all {len(wanted)}" if len(held) == len(wanted) else f"{len(held)} of {len(wanted)}"


def _program(snapshot: Snapshot, name: str) -> str:
    program = snapshot.program(name)
    if program is None:
        return ""
    return " at ".join(filter(None, (program.version, program.program)))


def _cluster(snapshot: Snapshot) -> ClusterProbe:
    return snapshot.cluster or ClusterProbe()


def _settings(snapshot: Snapshot) -> SettingsProbe:
    return snapshot.settings or SettingsProbe()


def _machine(snapshot: Snapshot) -> MachineProbe:
    return snapshot.machine or MachineProbe("", "", "")
