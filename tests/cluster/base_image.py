"""A Python base image for both architectures out of Debian packages: none of them is run, nothing is emulated.

`python -m tests.cluster.base_image http://127.0.0.1:5000 python-base:3.11` pushes an index to a registry.
"""

import gzip
import io
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Final

from tests.registry import INDEX, Pusher

ARCHITECTURES: Final = ("amd64", "arm64")
OF_THE_ARCHITECTURE: Final = (
    "base-files", "busybox-static", "libbz2-1.0", "libc6", "libcrypt1", "libdb5.3", "libexpat1", "libffi8", "libgcc-s1",
    "liblzma5", "libncursesw6", "libnsl2", "libpython3.11-minimal", "libpython3.11-stdlib", "libreadline8",
    "libsqlite3-0", "libssl3", "libstdc++6", "libtinfo6", "libtirpc3", "libuuid1", "python3.11", "python3.11-minimal",
    "zlib1g",
)  # fmt: skip
OF_ANY: Final = ("python3-distutils", "python3-pip", "python3-setuptools", "python3-wheel", "tzdata")
APPLETS: Final = ("cat", "find", "ls", "mkdir", "rm", "sh")
DOCUMENTATION: Final = ("usr/share/doc", "usr/share/man", "usr/share/locale")


def push(url: str, repository: str, tag: str) -> str:
    """Make the image for every architecture and push an index of them; its digest."""
    manifests = []
    with tempfile.TemporaryDirectory() as name, Pusher(url, repository) as pusher:
        apt = _Apt(Path(name))
        for architecture in ARCHITECTURES:
            config = {"architecture": architecture, "os": "linux", "config": {"Env": ["PATH=/usr/bin:/bin"]}}
            image = pusher.image(config, [_layer(apt.unpacked(architecture))])
            manifests.append({**image, "platform": {"architecture": architecture, "os": "linux"}})
        index = pusher.manifest({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests}, tag)
    return str(index["digest"])


class _Apt:
    """Downloads packages of any architecture with lists of its own; the machine's dpkg learns nothing of it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (folder / "lists" / "partial").mkdir(parents=True)
        options = {"Dir::State::lists": folder / "lists", "Dir::Cache": folder / "cache", "APT::Sandbox::User": ""}
        pairs = [*options.items(), *(("APT::Architectures::", one) for one in ARCHITECTURES)]
        self._options = [part for name, value in pairs for part in ("-o", f"{name}={value}")]
        self._run("update", folder)

    def unpacked(self, architecture: str) -> Path:
        """The root folder of an image."""
        packages, root = self._folder / architecture / "packages", self._folder / architecture / "root"
        packages.mkdir(parents=True)
        self._run("download", packages, *(f"{name}:{architecture}" for name in OF_THE_ARCHITECTURE), *OF_ANY)
        for package in sorted(packages.glob("*.deb")):
            subprocess.run(["dpkg", "-x", str(package), str(root)], check=True)
        for name in APPLETS:
            (root / "bin" / name).symlink_to("busybox")
        (root / "usr/bin/python3").symlink_to("python3.11")
        return root

    def _run(self, command: str, where: Path, *words: str) -> None:
        call = ["apt-get", "-q", *self._options, command, *words]
        subprocess.run(call, cwd=where, check=True, stdout=subprocess.DEVNULL)


def _layer(root: Path) -> bytes:
    packed = io.BytesIO()
    # Fast compression: the layer crosses the loopback once and is thrown away.
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=1, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w") as archive,
    ):
        for path in sorted(root.rglob("*")):
            name = path.relative_to(root)
            if not any(name.is_relative_to(folder) for folder in DOCUMENTATION):
                archive.add(path, str(name), recursive=False, filter=_anonymous)
    return packed.getvalue()


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """As root's, whoever unpacked it, and of no particular time, so that the digest is the same again."""
    member.uid, member.gid, member.uname, member.gname, member.mtime = 0, 0, "", "", 0
    return member


if __name__ == "__main__":
    _url, _name = sys.argv[1:3]
    _repository, _, _tag = _name.partition(":")
    print(push(_url, _repository, _tag or "latest"))
