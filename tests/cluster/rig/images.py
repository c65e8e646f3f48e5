"""Builds images of a single program and pushes them with skopeo."""

import gzip
import hashlib
import io
import json
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from tests.cluster.rig.commands import run
from tests.cluster.rig.facts import REGISTRY

PAUSE: Final = f"{REGISTRY}/pause:1"
"""The image of the container that holds a pod's namespaces."""
OCI: Final = "application/vnd.oci.image"
USER: Final = "10001"


class Image(NamedTuple):
    """An image in the registry: its name, the digest of its index, architecture → digest of its manifest."""

    repository: str
    digest: str
    manifests: Mapping[str, str]

    @property
    def unpinned(self) -> str:
        """The reference to the index: the runtime that pulls it chooses the architecture."""
        return f"{self.repository}@{self.digest}"

    def pinned(self, architecture: str) -> str:
        """Return the reference to the manifest of an architecture: nothing is left to choose."""
        return f"{self.repository}@{self.manifests[architecture]}"


def push(
    reference: str, programs: Mapping[str, Path], command: Sequence[str], *, libraries: Sequence[Path] = ()
) -> Image:
    """Push an image of `/program` for each architecture.

    Args:
        reference: `host:port/name:tag` in a plain-HTTP registry.
        programs: Architecture → program.
        command: Arguments of the program.
        libraries: Shared libraries of the program; in the image they have the same paths.
    """
    loaded = {str(path).lstrip("/"): path for path in libraries}
    with tempfile.TemporaryDirectory() as name:
        layout = _Layout(Path(name))
        manifests = {
            architecture: layout.manifest(architecture, {"program": path, **loaded}, command)
            for architecture, path in programs.items()
        }
        index = layout.finish(manifests)
        run("skopeo", "copy", "--all", "--quiet", "--dest-tls-verify=false", f"oci:{name}:it", f"docker://{reference}")
    digests = {architecture: str(descriptor["digest"]) for architecture, descriptor in manifests.items()}
    return Image(reference.rpartition(":")[0], str(index["digest"]), digests)


class _Layout:
    """An OCI image layout in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._blobs = folder / "blobs" / "sha256"
        self._blobs.mkdir(parents=True)

    def manifest(self, architecture: str, files: Mapping[str, Path], command: Sequence[str]) -> dict[str, object]:
        """Add an image; return its descriptor."""
        archive = _archive(files)
        config = {
            "architecture": architecture,
            "os": "linux",
            "config": {"Entrypoint": ["/program", *command], "User": USER},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(archive).hexdigest()}"]},
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": f"{OCI}.manifest.v1+json",
            "config": self._json("config", config),
            "layers": [self._blob(f"{OCI}.layer.v1.tar+gzip", gzip.compress(archive, compresslevel=1, mtime=0))],
        }
        return self._json("manifest", manifest) | {"platform": {"architecture": architecture, "os": "linux"}}

    def finish(self, manifests: Mapping[str, object]) -> dict[str, object]:
        """Add the index of all images under the name `it`; return its descriptor."""
        kind = f"{OCI}.index.v1+json"
        index = self._json("index", {"schemaVersion": 2, "mediaType": kind, "manifests": list(manifests.values())})
        named = index | {"annotations": {"org.opencontainers.image.ref.name": "it"}}
        (self._folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [named]}), "utf-8")
        (self._folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}', encoding="utf-8")
        return index

    def _json(self, kind: str, content: object) -> dict[str, object]:
        return self._blob(f"{OCI}.{kind}.v1+json", json.dumps(content).encode())

    def _blob(self, media_type: str, content: bytes) -> dict[str, object]:
        digest = hashlib.sha256(content).hexdigest()
        (self._blobs / digest).write_bytes(content)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(content)}


def _archive(files: Mapping[str, Path]) -> bytes:
    with io.BytesIO() as buffer:
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            for name, path in files.items():
                content = path.read_bytes()
                entry = tarfile.TarInfo(name)
                entry.size, entry.mode = len(content), 0o755
                archive.addfile(entry, io.BytesIO(content))
        return buffer.getvalue()
