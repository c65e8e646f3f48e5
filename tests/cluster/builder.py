"""Builds the services' images with a builder that is not yet configured for the plain-HTTP registry."""

import contextlib
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from lab.diagnosis.diagnose import diagnose
from lab.diagnosis.finding import Finding
from lab.images.lock import FILE_NAME
from lab.settings import load_settings, project_dir
from lab.snapshots.files import save
from lab.wiring import snapshots
from tests import programs
from tests.cluster import base_image, wheels
from tests.cluster.faults.machines import Machines, settings_here
from tests.cluster.rig.facts import RigFacts
from tests.cluster.rig.images import push
from tests.cluster.rig.settings import ClusterSettings

if TYPE_CHECKING:
    import subprocess

BASE: Final = "python-base"
TAG: Final = "3.11"
MACHINE: Final = "builder"
BUILT_FROM: Final = ("pyproject.toml", "requirements-services.lock", "Dockerfile", "docker-bake.json", ".dockerignore")
MAKE: Final = "docker buildx create --name lab --driver docker-container --use"
BUILD: Final = "lab images build"


class Built(NamedTuple):
    """How the images were built.

    Attributes:
        collector: The collector's image, by digest.
        refused: The first build, with an unconfigured builder.
        findings: The findings after it.
        cured: The finding's next step, which builds the images.
    """

    collector: str
    refused: "subprocess.CompletedProcess[str]"
    findings: tuple[Finding, ...]
    cured: "subprocess.CompletedProcess[str]"


def build_images(rig: RigFacts, machines: Machines, folder: Path) -> Built:
    """Build the services for both architectures with a builder that first refuses the registry, and push them.

    Their digests are in this project's lock afterwards. The collector's image is pushed, too.
    """
    cache = load_settings().cache_dir
    base_image.push(cache, f"http://{rig.registry}", BASE, TAG)
    checkout = checked_out(folder / "checkout")
    settings = settings_here() | {"OFFLINE_BAKE": offline(f"{rig.registry}/{BASE}:{TAG}", wheels.folder_in(cache))}
    place = machines.etc(MACHINE)
    place.mkdir(parents=True)
    with machines.unit(MACHINE, "buildkitd", partial(buildkitd, rig, place), started=False):
        made = machines.paste(MAKE, checkout, settings)
        assert made.returncode == 0, made.stderr
        refused = machines.paste(BUILD, checkout, settings)
        findings = findings_after(refused)
        cured = machines.paste(findings[0].do, checkout, settings)
    assert cured.returncode == 0, f"{findings}{cured.stderr[-600:]}"
    shutil.copyfile(checkout / FILE_NAME, project_dir() / FILE_NAME)
    collector = push(f"{rig.registry}/otelcol:1", {"amd64": rig.programs / "otelcol"}, []).pinned("amd64")
    return Built(collector, refused, findings, cured)


def findings_after(refused: "subprocess.CompletedProcess[str]") -> tuple[Finding, ...]:
    """Diagnose a build that was refused; keep the snapshot where snapshots are kept."""
    snapshot = snapshots("kubernetes", load_settings()).take()
    if kept := ClusterSettings().snapshots:
        save(snapshot, kept / "builder-plain-http.json")
    findings = diagnose(snapshot)
    assert findings, refused.stderr
    return findings


def checked_out(folder: Path) -> Path:
    """Copy what images are built from, and their lock, into a folder; return it."""
    (folder / "notebooks").mkdir(parents=True)
    for name in (name for name in (*BUILT_FROM, FILE_NAME) if (project_dir() / name).exists()):
        shutil.copyfile(project_dir() / name, folder / name)
    shutil.copytree(project_dir() / "services", folder / "services", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def offline(base: str, wheels_folder: Path) -> str:
    """Return options of `buildx bake` for a machine with the base image and the wheels, without a package index."""
    values = {"args.BASE": base, "args.PIP_NO_INDEX": "1", "contexts.wheels": str(wheels_folder)}
    return " ".join(
        [f"--allow fs.read={wheels_folder}", *(f"--set *.{name}={value}" for name, value in values.items())]
    )


@contextlib.contextmanager
def buildkitd(rig: RigFacts, place: Path) -> Iterator[None]:
    """Run a builder with an empty cache, and with the configuration in *place*, if there is any."""
    socket, root, config = place.parent / "buildkitd.sock", place.parent / "buildkit", place / "buildkitd.toml"
    command = [
        *(str(rig.programs / "buildkitd"), "--root", str(root), "--addr", f"unix://{socket}"),
        *("--containerd-worker=false", "--oci-worker-snapshotter=auto"),
        *(("--config", str(config)) if config.exists() else ()),
    ]
    with programs.tied_to_parent(command, {}, place.parent / "buildkitd.log"):
        programs.await_file(socket)
        yield
    socket.unlink(missing_ok=True)
    shutil.rmtree(root, ignore_errors=True)
