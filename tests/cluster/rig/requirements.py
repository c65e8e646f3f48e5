"""Checks whether this machine has what the rig needs, and installs packages."""

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
"""Debian package → a program in it."""
CGROUP: Final = Path("/sys/fs/cgroup/cpuset/cpuset.cpus")
"""A file that exists with cgroup v1 only."""
POLICY: Final = Path("/usr/sbin/policy-rc.d")
"""A script that Debian asks whether a newly installed service may start."""
ADMIN_PATHS: Final = "/usr/local/sbin:/usr/sbin:/sbin"


def machine_environment() -> dict[str, str]:
    """Return the environment of the rig's programs: with the administrator's PATH, without a proxy."""
    inherited = {name: value for name, value in inherited_environment().items() if not name.lower().endswith("_proxy")}
    return inherited | {"PATH": f"{inherited.get('PATH', '/usr/bin:/bin')}:{ADMIN_PATHS}"}


def missing_packages() -> list[str]:
    """Return the Debian packages that are not installed."""
    path = machine_environment()["PATH"]
    return [package for package, program in PACKAGES.items() if shutil.which(program, path=path) is None]


def missing() -> str:
    """Return in one line what this machine lacks, with the command that installs it; empty when it lacks nothing."""
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
    """Whether this process is root's."""
    return psutil.Process().uids().effective == 0


def go_version() -> str:
    """Return the version of the Go on PATH, for example `go1.26.8`; empty without Go."""
    program = find_program("go")
    if program is None:
        return ""
    return subprocess.run(
        [str(program), "env", "GOVERSION"], capture_output=True, text=True, check=False
    ).stdout.strip()


def _has_go() -> bool:
    match = re.match(r"go(\d+)\.(\d+)", go_version())
    return match is not None and (int(match[1]), int(match[2])) >= GO


def install() -> None:
    """Install the missing Debian packages, if any.

    Raises:
        Unavailable: This machine has no apt, apt failed, or this process is not root's.
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
                errors = [line for line in done.stderr.splitlines() if line.startswith(("E:", "W:"))]
                raise Unavailable(f"`{' '.join(step[:2])}` failed", found="\n".join(errors[:2]))


@contextmanager
def _without_services() -> Iterator[None]:
    """Keep Debian from starting the services of the packages: only their programs are needed."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n", encoding="utf-8")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink()
