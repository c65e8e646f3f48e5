"""What the settings choose for a stack."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from lab.snapshots.kubernetes import Toleration

Source = Literal["outside", "inside", ""]
"""Where a server is: at a URL, in the cluster, or nowhere, since no setting names it."""


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
