"""The command that explains what is wrong with a stack."""

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from lab import wiring
from lab.cli.options import HERE, AsJson
from lab.diagnosis import text
from lab.diagnosis.diagnose import diagnose as findings_in
from lab.errors import UsageFault
from lab.settings import LabSettings, is_set, load_settings
from lab.snapshots.files import load
from lab.snapshots.files import save as write
from lab.snapshots.snapshot import Snapshot
from lab.targets.processes.places import kept_folder
from lab.trials.explain import FILE_NAME

KUBECONFIG: Final = Path.home() / ".kube" / "config"
NOTHING_UP: Final = "  no stack is up on this machine; next: lab up"
LAST_FAILED: Final = "  the last stack on this machine failed; these are its logs"
LAST_FAILURE: Final = "  the last failure here, of {at}, is kept; see it: lab diagnose --snapshot {file}"


def diagnose(
    *,
    target: Annotated[str, typer.Option(help="Where the stack is; if empty, where a stack is up.")] = "",
    namespace: Annotated[str, typer.Option(help="On a cluster: its namespace; the configured one unless given.")] = "",
    snapshot: Annotated[Path | None, typer.Option(metavar="FILE", help="Judge a saved snapshot instead.")] = None,
    save: Annotated[Path | None, typer.Option(metavar="FILE", help="Keep the snapshot, without secrets.")] = None,
    as_json: AsJson = False,
) -> int:
    """What is wrong with a stack, why, what to do.

    Exit 0: no finding, 1: findings.
    """
    if snapshot is not None and (save is not None or namespace or target):
        raise UsageFault(
            "--snapshot goes with no --target, --namespace or --save", next_step=f"lab diagnose --snapshot {snapshot}"
        )
    taken, last_failure = (load(snapshot), None) if snapshot is not None else _take(target, namespace)
    if save is not None:
        with _writing(save):
            write(taken, save)
    findings = findings_in(taken)
    if as_json:
        print(text.as_json(findings))
        return 1 if findings else 0
    for line in _about_the_stack(taken, last_failure):
        print(line)
    is_terminal, unanswered = sys.stdout.isatty(), taken.probes.unanswered
    print(text.text(findings, namespace=taken.namespace, colour=is_terminal, unanswered=unanswered))
    return 1 if findings else 0


def _take(target: str, namespace: str) -> tuple[Snapshot, Path]:
    """Return a snapshot, and the file that keeps the snapshot of the last failure on the same target, if any."""
    settings = load_settings(namespace=namespace or None)
    place = target or _chosen(settings, namespace)
    return wiring.snapshots(place, settings).take(), wiring.failures_folder(settings, place) / FILE_NAME


def _chosen(settings: LabSettings, namespace: str) -> str:
    """Return the cluster where a namespace is given, or a cluster is configured and no stack is up on this machine."""
    if namespace:
        return "kubernetes"
    kubeconfig = settings.kubeconfig is not None or is_set("KUBECONFIG") or KUBECONFIG.is_file()
    return "kubernetes" if kubeconfig and not kept_folder(settings).is_alive else HERE


def _about_the_stack(snapshot: Snapshot, last_failure: Path | None) -> Iterator[str]:
    """Yield lines about a local stack that is not up, and about the snapshot that its last failure left, if any."""
    machine = snapshot.machine
    if machine is None or machine.stack not in {"", "stopped", "failed"}:
        return
    yield LAST_FAILED if machine.stack == "failed" else NOTHING_UP
    if last_failure is not None and last_failure.is_file():
        at = datetime.fromtimestamp(last_failure.stat().st_mtime, UTC).astimezone()
        yield LAST_FAILURE.format(at=f"{at:%Y-%m-%d %H:%M}", file=shlex.quote(str(last_failure)))


@contextmanager
def _writing(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        step = "" if file.parent.is_dir() else f"mkdir -p {shlex.quote(str(file.parent))}"
        raise UsageFault(f"cannot write {file}", found=error.strerror or str(error), next_step=step) from error
