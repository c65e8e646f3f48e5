"""Runs a real registry on loopback and pushes to it; `make servers` fetches the program."""

import contextlib
import gzip
import hashlib
import io
import json
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

import httpx

from lab.errors import LabError
from lab.settings import environment_with, find_server, load_settings
from lab.targets.processes.metrics import debian_packages
from tests import programs

PROGRAM: Final = "docker-registry"
OCI: Final = "application/vnd.oci.image"
INDEX: Final = f"{OCI}.index.v1+json"
MANIFEST: Final = f"{OCI}.manifest.v1+json"
CONFIG: Final = f"{OCI}.config.v1+json"
LAYER: Final = f"{OCI}.layer.v1.tar+gzip"
DOCKER_LIST: Final = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST: Final = "application/vnd.docker.distribution.manifest.v2+json"
USER: Final = "tester"
PASSWORD: Final = "open sesame"
HTPASSWD: Final = f"{USER}:$2b$04$abcdefghijklmnopqrstuu/LVz6MZlItEy42I2juLihZ66HnQx/cy\n"


class Running(NamedTuple):
    """A running registry: its address, and the folder of its blobs."""

    host: str
    data: Path

    def file_of(self, digest: str) -> Path:
        """Return the file that holds a blob."""
        characters = digest.removeprefix("sha256:")
        return self.data / "docker/registry/v2/blobs/sha256" / characters[:2] / characters / "data"


class Pair(NamedTuple):
    """Files of a self-signed certificate for 127.0.0.1."""

    certificate: Path
    key: Path


def self_signed(folder: Path) -> Pair:
    """Make a certificate in a folder."""
    pair = Pair(folder / "certificate.pem", folder / "key.pem")
    request = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1"]
    subject = ["-subj", "/CN=registry", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(pair.key), "-out", str(pair.certificate)]
    subprocess.run(["openssl", *request, *subject, *files], check=True, capture_output=True)
    return pair


def find_registry() -> Path | None:
    """Return the program, on PATH or fetched before; None where there is none."""
    fetched = _folder() / PROGRAM
    return find_server(load_settings(), PROGRAM) or (fetched if fetched.is_file() else None)


@contextlib.contextmanager
def running(folder: Path, *, pair: Pair | None = None, signed_in: bool = False) -> Iterator[Running]:
    """Run a registry on loopback: in plain HTTP, or by TLS with a certificate; open to all, or to one user."""
    port, program = programs.free_port(), find_registry()
    assert program is not None, "tests that need a registry are skipped where there is none"
    http: dict[str, Any] = {"addr": f"127.0.0.1:{port}"}
    config: dict[str, Any] = {
        "version": "0.1",
        "log": {"level": "warn"},
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}, "delete": {"enabled": True}},
        "http": http,
    }
    if pair:
        http["tls"] = {"certificate": str(pair.certificate), "key": str(pair.key)}
    if signed_in:
        (folder / "htpasswd").write_text(HTPASSWD)
        config["auth"] = {"htpasswd": {"realm": "tests", "path": str(folder / "htpasswd")}}
    (folder / "config.yml").write_text(json.dumps(config))  # JSON is YAML
    with programs.tied_to_parent([str(program), "serve", str(folder / "config.yml")], {}, folder / "registry.log"):
        programs.await_port(port)
        yield Running(f"127.0.0.1:{port}", folder / "data")


@contextlib.contextmanager
def project_of(folder: Path, registry: str) -> Iterator[Path]:
    """Work in a project of the test's own, whose settings name a registry in plain HTTP."""
    project = folder / "project"
    (project / "notebooks").mkdir(parents=True)
    (project / "pyproject.toml").touch()
    (project / "lab.toml").write_text(f'registry = "{registry}"\nregistry_insecure = true\n')
    with contextlib.chdir(project), environment_with(LAB_STATE_DIR=str(folder / "state")):
        yield project


class Pusher:
    """Pushes blobs and manifests to a repository."""

    def __init__(self, url: str, repository: str) -> None:
        self._client = httpx.Client(base_url=f"{url}/v2/{repository}", timeout=60.0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def blob(self, body: bytes) -> dict[str, Any]:
        """Push a blob and return its descriptor."""
        digest = digest_of(body)
        place = self._client.post("/blobs/uploads/").raise_for_status().headers["Location"]
        self._client.put(httpx.URL(place).copy_merge_params({"digest": digest}), content=body).raise_for_status()
        return {"digest": digest, "size": len(body)}

    def manifest(self, document: Mapping[str, Any], reference: str = "") -> dict[str, Any]:
        """Push a manifest or index under a tag, or by its digest, and return its descriptor."""
        body = json.dumps(document).encode()
        digest, kind = digest_of(body), str(document["mediaType"])
        put = self._client.put(f"/manifests/{reference or digest}", content=body, headers={"Content-Type": kind})
        put.raise_for_status()
        return {"mediaType": kind, "digest": digest, "size": len(body)}

    def image(self, config: Mapping[str, Any], layers: list[bytes], kind: str = MANIFEST) -> dict[str, Any]:
        """Push an image of gzipped layers and return its descriptor."""
        rootfs = {"type": "layers", "diff_ids": [digest_of(gzip.decompress(layer)) for layer in layers]}
        history = [{"created_by": "tests"} for _ in layers]  # buildah wants one for each layer
        described = self.blob(json.dumps({**config, "rootfs": rootfs, "history": history}).encode())
        return self.manifest(
            {
                "schemaVersion": 2,
                "mediaType": kind,
                "config": {"mediaType": CONFIG, **described},
                "layers": [{"mediaType": LAYER, **self.blob(layer)} for layer in layers],
            }
        )


def digest_of(body: bytes) -> str:
    """Return the digest of some bytes."""
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def layer(files: Mapping[str, bytes]) -> bytes:
    """Return a layer with some files."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o755
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def _folder() -> Path:
    return load_settings().cache_dir / PROGRAM


def main() -> int:
    """Fetch the program where it is missing; tests that need it are skipped where it cannot be fetched."""
    if find_registry() is None:
        try:
            debian_packages.fetch(
                PROGRAM, (PROGRAM,), _folder(), lambda text: print(f"  registry      {text}", file=sys.stderr)
            )
        except LabError as error:
            print(f"  registry      {error}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
