"""Builds the services' images for the rig as a user would: `lab images build`, with a builder of the tests' own."""

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from lab.cli import main
from lab.settings import environment_with, inherited_environment, load_settings
from tests import programs
from tests.cluster import base_image, wheels
from tests.cluster.rig.facts import RigFacts
from tests.cluster.rig.images import push

BASE: Final = "python-base"
TAG: Final = "3.11"
BUILDER: Final = "rig"


def build_images(rig: RigFacts, folder: Path) -> str:
    """Build and push the four services for both architectures; the collector's image, by digest."""
    cache = load_settings().cache_dir
    base_image.push(cache, f"http://{rig.registry}", BASE, TAG)
    path = f"{rig.programs}:{inherited_environment()['PATH']}"
    with environment_with(PATH=path, BUILDX_CONFIG=str(folder / "buildx")), builder(rig, folder):
        base = f"{rig.registry}/{BASE}:{TAG}"
        assert (
            main(["images", "build", "--base", base, "--builder", BUILDER, "--wheels", str(wheels.folder_in(cache))])
            == 0
        )
    return push(f"{rig.registry}/otelcol:1", {"amd64": rig.programs / "otelcol"}, []).pinned("amd64")


@contextlib.contextmanager
def builder(rig: RigFacts, folder: Path) -> Iterator[None]:
    """A buildkitd that knows the registry as `lab registry config` says, and a buildx builder that uses it."""
    assert main(["registry", "config", "--write", str(folder)]) == 0
    socket, root = folder / "buildkit.sock", folder / "buildkit"
    command = [
        *(str(rig.programs / "buildkitd"), "--root", str(root), "--addr", f"unix://{socket}"),
        *("--containerd-worker=false", "--oci-worker-snapshotter=auto", "--config", str(folder / "buildkitd.toml")),
    ]
    with programs.leashed(command, {}, folder / "buildkitd.log"):
        programs.await_file(socket)
        create = ["buildx", "create", "--name", BUILDER, "--driver", "remote", f"unix://{socket}"]
        subprocess.run(create, check=True, capture_output=True)
        yield
    shutil.rmtree(root, ignore_errors=True)
