"""What a machine must have for the rig to run on it."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psutil

from lab.errors import Unavailable
from lab.settings import find_program, inherited_environment

GO: Final = (1, 26)
PACKAGES: Final = {
    "binfmt-support": "update-binfmts",
    "conntrack": "conntrack",
    "containerd": "containerd",
    "containernetworking-plugins": "/usr/lib/cni/bridge",
    "docker-registry": "docker-registry",
    "etcd-server": "etcd",
    "ipset": "ipset",
    "iproute2": "ip",
    "iptables": "iptables",
    "openssl": "openssl",
    "procps": "sysctl",
    "qemu-user-static": "qemu-aarch64-static",
    "runc": "runc",
    "skopeo": "skopeo",
}
"""Debian package → a program of it."""
CGROUP: Final = Path("/sys/fs/cgroup/cpuset/cpuset.cpus")
"""A file of version 1 alone."""
POLICY: Final = Path("/usr/sbin/policy-rc.d")
"""Debian asks it whether a freshly installed service may start."""
ADMIN_PATHS: Final = "/usr/local/sbin:/usr/sbin:/sbin"


def machine_environment() -> dict[str, str]:
    """The environment for the rig's programs: it has the administrator's PATH; nothing of the rig is behind a proxy."""
    inherited = {name: value for name, value in inherited_environment().items() if not name.lower().endswith("_proxy")}
    return inherited | {"PATH": f"{inherited.get('PATH', '/usr/bin:/bin')}:{ADMIN_PATHS}"}


def missing_packages() -> list[str]:
    """Debian packages that are not installed."""
    path = machine_environment()["PATH"]
    return [package for package, program in PACKAGES.items() if shutil.which(program, path=path) is None]


def missing() -> str:
    """Everything this machine lacks, in one line with the command that helps; empty when it lacks nothing."""
    lacks = [
        *([] if psutil.LINUX else ["Linux"]),
        *([] if is_root() else ["root"]),
        *([] if CGROUP.exists() else ["cgroup v1"]),
        *([] if _has_go() else [f"Go ≥ {GO[0]}.{GO[1]}"]),
    ]
    packages = missing_packages()
    if packages:
        lacks.append(f"packages (apt-get install --yes {' '.join(packages)})")
    return f"the rig needs {', '.join(lacks)}" if lacks else ""


def is_root() -> bool:
    """Whether this is the administrator."""
    return psutil.Process().uids().effective == 0


def go_version() -> str:
    """What the Go on PATH calls itself, for example `go1.26.8`; empty without one."""
    program = find_program("go")
    if program is None:
        return ""
    return subprocess.run(
        [str(program), "env", "GOVERSION"], capture_output=True, text=True, check=False
    ).stdout.strip()


def _has_go() -> bool:
    found = re.match(r"go(\d+)\.(\d+)", go_version())
    return found is not None and (int(found[1]), int(found[2])) >= GO


def install() -> None:
    """Install the Debian packages that are missing; nothing happens where none is.

    Raises:
        Unavailable: There is no apt, or it failed, or this is not root.
    """
    packages = missing_packages()
    if not packages:
        return
    command = ["apt-get", "install", "--yes", "--no-install-recommends", *packages]
    environment = inherited_environment() | {"DEBIAN_FRONTEND": "noninteractive"}
    with _without_services():
        for step in (["apt-get", "update"], command):
            try:
                done = subprocess.run(step, env=environment, capture_output=True, text=True, check=False)
            except FileNotFoundError as error:
                raise Unavailable("no apt on this machine", found=f"missing: {' '.join(packages)}") from error
            if done.returncode:
                words = [line for line in done.stderr.splitlines() if line.startswith(("E:", "W:"))]
                raise Unavailable(f"`{' '.join(step[:2])}` failed", found="\n".join(words[:2]))


@contextmanager
def _without_services() -> Iterator[None]:
    """The packages' own registry, etcd and containerd are not started: only their programs are wanted."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n", encoding="utf-8")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink()
