"""Commands for the images of the services and for their registry."""

import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final

import typer

from lab.cli.answers import print_answer, print_json
from lab.cli.options import AsJson
from lab.cli.writing import writing
from lab.files import write_text
from lab.images.access import RegistryAccess, access_to, registry_access
from lab.images.bake import FILE_NAME as BAKE_FILE
from lab.images.base import base_of, pin, platforms_of, write_base
from lab.images.build import BuildOrder, find_tool
from lab.images.build import build as build_images
from lab.images.check import Proof
from lab.images.check import check as check_lock
from lab.images.lock import FILE_NAME, ImageLock, read_lock, to_json, write_lock
from lab.images.registry import Registry
from lab.images.registry_config import ConfigFile, config_files
from lab.images.resolve import resolve as resolve_tag
from lab.model.image_references import digest_of, registry_of
from lab.model.plurals import counted
from lab.settings import LabSettings, load_settings
from lab.systems.services import SERVICES

Tag = Annotated[str, typer.Option(help="Tag to push or to look for; else the setting image_tag.")]
SHORT: Final = 15
"""Characters of a digest that are shown: `sha256:` and eight."""


def build(
    tag: Tag = "",
    base: Annotated[str, typer.Option(help="Base image with Python ≥ 3.11 and pip, for every platform.")] = "",
    builder: Annotated[str, typer.Option(help="Name of a buildx builder.")] = "",
    wheels: Annotated[
        Path | None, typer.Option(help="Folder of wheels to install from, in place of the index.", exists=True)
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Build for every platform, push, and write images.lock."""
    settings = load_settings(image_tag=tag or None)
    order = BuildOrder(_access(settings), settings.image_tag, base=base, builder=builder, wheels=wheels)
    log, started = settings.state_dir / "images" / "build.log", time.monotonic()
    tool = find_tool()
    if not digest_of(used := order.base or base_of(settings.project)):
        _say("base", f"{used} is named by its tag alone, so that a later build may differ; lab images base pins it")
    _say("building", f"{order.access.name}, tag {order.tag}, with {tool.kind}; log: {log}")
    build_images(order, tool, project=settings.project, log=log, progress=lambda text: _say("", text))
    _say("built", f"and pushed in {time.monotonic() - started:.0f} s")
    _resolve(order.access, settings, as_json=as_json)


def base(
    name: Annotated[
        str, typer.Argument(metavar="[NAME:TAG]", help="Another base; else the one of docker-bake.json.")
    ] = "",
    *,
    as_json: AsJson = False,
) -> None:
    """Pin the base image by its digest of today, in docker-bake.json."""
    settings = load_settings()
    name = name or base_of(settings.project)
    with Registry(access_to(registry_of(name), settings)) as source:
        pinned = pin(source, name, platforms_of(settings.project))
    write_base(settings.project, pinned.reference)
    print_answer([f"  {pinned.reference}  {', '.join(pinned.architectures)}"], pinned._asdict(), as_json=as_json)
    _say("wrote", f"{settings.project / BAKE_FILE}; next: lab images build")


def resolve(tag: Tag = "", *, as_json: AsJson = False) -> None:
    """Ask the registry for one digest per architecture, and write images.lock."""
    settings = load_settings(image_tag=tag or None)
    _resolve(_access(settings), settings, as_json=as_json)


def check(*, as_json: AsJson = False) -> None:
    """Prove images.lock: bytes, digests, configuration, and the machine code itself."""
    settings = load_settings()
    access = _access(settings)
    lock = read_lock(_lock_file(settings))
    with Registry(access) as source:
        proofs = check_lock(source, lock, lambda text: _say("reading", text) if sys.stderr.isatty() else None)
    if as_json:
        shown = [asdict(proof) | {"fault": str(proof.fault) if proof.fault else None} for proof in proofs]
        print_json(shown)
    else:
        print("".join(map(_row, proofs)), end="")
    if fault := next((proof.fault for proof in proofs if proof.fault), None):
        raise fault


def config(
    write: Annotated[Path | None, typer.Option(help="Folder to write the files to.", file_okay=False)] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Print buildkitd.toml, registries.yaml and hosts.toml, each with its place."""
    files = config_files(registry_access(load_settings()))
    if as_json:
        print_json([asdict(file) for file in files])
    elif write is None:
        print("\n".join(f"# ---- {file.name}\n{file.content}" for file in files), end="")
    if write is not None:
        _write(files, write)


def _write(files: Sequence[ConfigFile], folder: Path) -> None:
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for file in files:
            write_text(folder / file.name, file.content)
            _say("wrote", str(folder / file.name))


def _access(settings: LabSettings) -> RegistryAccess:
    """Return the configured registry; warn where the registry speaks plain HTTP."""
    access = registry_access(settings)
    if access.plain_http:
        _say(
            "plain HTTP",
            f"{access.host}: digests protect images against changes; nothing keeps images or a password secret",
        )
    return access


def _resolve(access: RegistryAccess, settings: LabSettings, *, as_json: bool) -> None:
    with Registry(access) as source:
        lock = resolve_tag(source, SERVICES, settings.image_tag)
    write_lock(lock, _lock_file(settings))
    print(to_json(lock) if as_json else _table(lock), end="")
    _say("wrote", f"{_lock_file(settings)}; next: lab images check")


def _row(proof: Proof) -> str:
    python = ", ".join(f"{binary.path} is {binary.architecture}" for binary in proof.interpreters) or "–"
    sign, content = ("✗" if proof.fault else "✓"), f"{python}; {counted(proof.natives, 'native module')}"
    return f"  {sign} {proof.service:15s} {proof.architecture:6s} {proof.digest[:SHORT]}…  {content}\n"


def _table(lock: ImageLock) -> str:
    rows = [
        f"  {service:15s} {architecture:6s} {digest[:SHORT]}…\n"
        for service, built in lock.images.items()
        for architecture, digest in built.items()
    ]
    return "".join(rows)


def _lock_file(settings: LabSettings) -> Path:
    return settings.project / FILE_NAME


def _say(stage: str, text: str) -> None:
    """Print progress to stderr; stdout has the answer."""
    print(f"  {stage:13s} {text}", file=sys.stderr)
