"""Builds a Python base image for both architectures from Debian packages, without emulation."""

import gzip
import hashlib
import subprocess
import tarfile
from pathlib import Path
from typing import Final

from tests.cluster.rig.whole import as_a_whole
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


def folder_in(cache: Path) -> Path:
    """Return the folder of the image's layers, which may not exist yet; it depends on the recipe."""
    recipe = repr((ARCHITECTURES, OF_THE_ARCHITECTURE, OF_ANY, APPLETS, DOCUMENTATION))
    return cache / "rig-base" / hashlib.sha256(recipe.encode()).hexdigest()[:16]


def fetch(cache: Path) -> None:
    """Build the layers from Debian's packages, unless they are built."""
    folder = folder_in(cache)
    if not folder.is_dir():
        with as_a_whole(folder) as made:
            apt = _Apt(made.parent)
            for architecture in ARCHITECTURES:
                _pack(apt.unpacked(architecture), made / architecture)


def push(cache: Path, url: str, repository: str, tag: str) -> None:
    """Push an image for every architecture, and their index."""
    manifests = []
    with Pusher(url, repository) as pusher:
        for architecture in ARCHITECTURES:
            config = {"architecture": architecture, "os": "linux", "config": {"Env": ["PATH=/usr/bin:/bin"]}}
            image = pusher.image(config, [(folder_in(cache) / architecture).read_bytes()])
            manifests.append({**image, "platform": {"architecture": architecture, "os": "linux"}})
        pusher.manifest({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests}, tag)


class _Apt:
    """Downloads packages of any architecture with its own package lists, apart from the machine's dpkg."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (folder / "lists" / "partial").mkdir(parents=True)
        options = {"Dir::State::lists": folder / "lists", "Dir::Cache": folder / "cache", "APT::Sandbox::User": ""}
        pairs = [*options.items(), *(("APT::Architectures::", architecture) for architecture in ARCHITECTURES)]
        self._options = [part for name, value in pairs for part in ("-o", f"{name}={value}")]
        self._run("update", folder)

    def unpacked(self, architecture: str) -> Path:
        """Return the root folder of an image, with all packages unpacked."""
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


def _pack(root: Path, layer: Path) -> None:
    # Fast compression, because the layer crosses only the loopback.
    with (
        layer.open("wb") as packed,
        gzip.GzipFile(filename="", fileobj=packed, mode="wb", compresslevel=1, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w") as archive,
    ):
        for path in sorted(root.rglob("*")):
            name = path.relative_to(root)
            if not any(name.is_relative_to(folder) for folder in DOCUMENTATION):
                archive.add(path, str(name), recursive=False, filter=_anonymous)


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Give a file to root and set its time to 0, so that the digest is reproducible."""
    member.uid, member.gid, member.uname, member.gname, member.mtime = 0, 0, "", "", 0
    return member
