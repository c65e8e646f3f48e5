"""What is known before a deployment: the cluster, and what the settings choose."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from lab.snapshots.kubernetes import Toleration
from lab.snapshots.probes import Denial

Source = Literal["outside", "inside", ""]
"""Where a server is: at a URL, in the cluster, or nowhere, since no setting names it."""


@dataclass(frozen=True, slots=True)
class ClusterProbe:
    """The cluster that the settings name.

    Attributes:
        server: Address of the API server; empty where the kubeconfig cannot be used.
        user: As the kubeconfig names the user.
        context: Context of the kubeconfig.
        version: Version of the API server, for example `v1.34.4`.
        login: As the API server names the user.
        error: Why it could not be asked.
        reason: That error's reason, for example `E_UNREACHABLE`.
        lacking_for_faults: Rights that only faults need, and that the user does not have.
        nodes_error: Why its nodes could not be listed.
        namespace_error: Why its namespace could not be read.
        namespace_is_reserved: Whether the name belongs to the cluster itself.
        namespace_is_ours: Whether the lab made the namespace; None where there is none.
        may_make_namespace: Whether the user may make the namespace; None where it is there.
    """

    server: str = ""
    user: str = ""
    context: str = ""
    version: str = ""
    login: str = ""
    error: str = ""
    reason: str = ""
    lacking_for_faults: tuple[Denial, ...] = ()
    nodes_error: str = ""
    namespace_error: str = ""
    namespace_is_reserved: bool = False
    namespace_is_ours: bool | None = None
    may_make_namespace: bool | None = None


@dataclass(frozen=True, slots=True)
class LockedImage:
    """The image of a service for an architecture."""

    service: str
    architecture: str
    reference: str


@dataclass(frozen=True, slots=True)
class LockProbe:
    """What `images.lock` holds of the services on the architectures that the settings name.

    Attributes:
        registry: Registry in which the images were resolved.
        tag: Tag from which the images were resolved.
        images: Images that the lock holds.
        missing: Service and architecture of each image that the lock does not hold.
        error: Why the lock could not be read.
    """

    registry: str = ""
    tag: str = ""
    images: tuple[LockedImage, ...] = ()
    missing: tuple[tuple[str, str], ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True)
class ImageSetting:
    """An image that a setting names.

    Attributes:
        setting: For example `LAB_REDIS_IMAGE`.
        reference: The image; empty where the setting is not set.
        is_pinned: Whether it names one digest.
    """

    setting: str
    reference: str
    is_pinned: bool


@dataclass(frozen=True, slots=True)
class SettingsProbe:
    """The settings that decide what a stack depends on.

    Attributes:
        architectures: Architectures on which every service runs. What a stack has once runs on the first.
        node_selector: Labels that nodes must have.
        tolerations: Tolerations of every pod.
        tolerations_text: The same, as the setting names them.
        adopt: Whether a namespace that the lab did not make may be used.
        registry: Where images are pushed to, with the path.
        registry_is_plain: Whether it is spoken to by plain HTTP.
        images: Images of what a stack has once: collector, store, metrics server.
        lock: What `images.lock` holds; None where no images are needed.
        store: Where the store is.
        redis_url: The store outside; empty where it is inside, or started by the lab.
        redis_server: Which program the lab starts as the store on this machine.
        prometheus: Where the metrics server is.
        prometheus_url: The metrics server outside; empty where it is inside, or started by the lab.
        prometheus_program: The program that a setting names to be started on this machine; empty for none.
        remote_write_url: Where the collector writes; empty for the metrics server's own receiver, `none` where it is
            scraped.
        fetches: Whether this machine has what fetches a missing Prometheus.
        environment: Variables of the user's own environment that change services or where telemetry goes.
    """

    architectures: tuple[str, ...] = ()
    node_selector: Mapping[str, str] = field(default_factory=dict)
    tolerations: tuple[Toleration, ...] = ()
    tolerations_text: str = ""
    adopt: bool = False
    registry: str = ""
    registry_is_plain: bool = False
    images: tuple[ImageSetting, ...] = ()
    lock: LockProbe | None = None
    store: Source = ""
    redis_url: str = ""
    redis_server: str = "embedded"
    prometheus: Source = ""
    prometheus_url: str = ""
    prometheus_program: str = ""
    remote_write_url: str = ""
    fetches: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
