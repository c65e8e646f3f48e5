"""Faults of images and registries."""

import contextlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

from tests import programs
from tests.cluster.faults.case import RigFault
from tests.cluster.faults.place import APP, Place, as_json
from tests.cluster.rig import images
from tests.cluster.rig.facts import HOST, REGISTRY
from tests.registry import HTPASSWD

PAUSE: Final[dict[str, Any]] = {"args": ["pause"]}
OTHER: Final = f"{HOST}:5001"
LOCKED: Final = f"{HOST}:5002"
GONE: Final = f"{HOST}:5003"
MACHINE: Final = slice(18, 20)
"""The bytes of an ELF header that name the machine."""
S390: Final = (22).to_bytes(2, "little")


def foreign_image(place: Place) -> None:
    """The arm64 node gets an index; its runtime takes the amd64 image, which no node here can execute."""
    programs_of = {name: place.common.rig.programs / f"probe-{name}" for name in ("amd64", "arm64")}
    foreign = bytearray(programs_of["amd64"].read_bytes())
    foreign[MACHINE] = S390
    (place.folder / "foreign").write_bytes(foreign)
    image = images.push(f"{REGISTRY}/foreign:1", {**programs_of, "amd64": place.folder / "foreign"}, [])
    place.deploy(image.unpinned, architecture="arm64", **PAUSE)


def unpinned_image(place: Place) -> None:
    """The arm64 node gets an index, and runs the amd64 image."""
    # An image of its own: when a node knows an image by two digests, the first pull decides which digest it reports.
    programs_of = {name: place.common.rig.programs / f"probe-{name}" for name in ("amd64", "arm64")}
    image = images.push(f"{REGISTRY}/unpinned:1", programs_of, ["pause", place.namespace])
    place.deploy(image.unpinned, architecture="arm64")


def other_digest(place: Place) -> None:
    """A pod for arm64 is pinned to the amd64 image; it runs, because the machine is amd64."""
    place.deploy(place.common.probe.pinned("amd64"), architecture="arm64", **PAUSE)


def unknown_tag(place: Place) -> None:
    """The tag was never pushed."""
    place.deploy(f"{place.common.probe.repository}:2", **PAUSE)


def plain_http(place: Place) -> None:
    """The node is not configured for the plain HTTP of a registry."""
    _serve_registry(place, OTHER)
    pushed = _push_own(place, OTHER)
    _forget(place, OTHER)
    place.deploy(pushed.pinned("amd64"))


def unreachable(place: Place) -> None:
    """A registry has stopped; the node is configured for it."""
    served = partial(_registry, place.folder, GONE)
    with served():
        pushed = _push_own(place, GONE)
    place.until.enter_context(place.common.machines.unit(HOST, "docker-registry", served, started=False))
    _introduce(place, GONE)
    place.deploy(pushed.pinned("amd64"))


def locked(place: Place) -> None:
    """A registry requires a login, and the pod has no credentials."""
    with _registry(place.folder, LOCKED):
        pushed = _push_own(place, LOCKED)
    _serve_registry(place, LOCKED, signed_in=True)
    _introduce(place, LOCKED)
    place.deploy(pushed.pinned("amd64"))


FAULTS: Final = {
    "wrong-architecture": RigFault("wrong-architecture", f"Deployment/{APP}", "exec format error", foreign_image),
    "wrong-architecture-silent": RigFault(
        "wrong-architecture-silent",
        f"Deployment/{APP}",
        "node r3 is arm64; the process does not report its architecture; "
        "imageID is the digest of the index, not of an image",
        unpinned_image,
    ),
    "digest-not-of-architecture": RigFault(
        "digest-not-of-architecture", f"Deployment/{APP}", "holds amd64; the pod is meant for arm64", other_digest
    ),
    "image-not-there": RigFault("image-not-there", f"Deployment/{APP}", "not found", unknown_tag),
    "registry-plain-http": RigFault(
        "registry-plain-http", "Node/clus1", "server gave HTTP response to HTTPS client", plain_http
    ),
    "registry-unreachable": RigFault("registry-unreachable", f"Registry/{GONE}", "connection refused", unreachable),
    "registry-needs-login": RigFault("registry-needs-login", f"Deployment/{APP}", "401 Unauthorized", locked),
}


@contextlib.contextmanager
def _registry(folder: Path, address: str, *, signed_in: bool = False) -> Iterator[None]:
    """Run a plain-HTTP registry at an address of the host."""
    config: dict[str, object] = {
        "version": "0.1",
        "log": {"level": "warn"},
        "storage": {"filesystem": {"rootdirectory": str(folder / "blobs")}},
        "http": {"addr": address},
    }
    if signed_in:
        (folder / "htpasswd").write_text(HTPASSWD)
        config["auth"] = {"htpasswd": {"realm": "rig", "path": str(folder / "htpasswd")}}
    file = folder / "registry.json"
    file.write_text(as_json(config))
    with programs.tied_to_parent(["/usr/bin/docker-registry", "serve", str(file)], {}, folder / "registry.log"):
        programs.await_address(address)
        yield


def _push_own(place: Place, address: str) -> images.Image:
    """Push an image that no node can have pulled before."""
    programs_of = {"amd64": place.common.rig.programs / "probe-amd64"}
    return images.push(f"{address}/probe:1", programs_of, ["pause", place.namespace])


def _serve_registry(place: Place, address: str, *, signed_in: bool = False) -> None:
    place.until.enter_context(_registry(place.folder, address, signed_in=signed_in))


def _introduce(place: Place, address: str) -> None:
    """Configure the amd64 node for the plain HTTP of a registry."""
    file = place.common.machines.hosts_file("clus1", address)
    file.parent.mkdir(exist_ok=True)
    file.write_text(f'server = "http://{address}"\n[host."http://{address}"]\n  capabilities = ["pull", "resolve"]\n')
    place.until.callback(_forget, place, address)


def _forget(place: Place, address: str) -> None:
    file = place.common.machines.hosts_file("clus1", address)
    if file.exists():
        file.unlink()
        file.parent.rmdir()
