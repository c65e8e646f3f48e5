"""Commands that judge a stack: before it is up (`lab doctor`), and when it fails (`lab diagnose`)."""

import shlex
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from lab import wiring
from lab.cli.answers import print_answer, print_json
from lab.cli.default_target import default_target
from lab.cli.options import HERE, AsJson, TargetOption
from lab.cli.writing import writing
from lab.diagnosis import text
from lab.diagnosis.diagnose import diagnose as findings_in
from lab.diagnosis.doctor import Check, examine
from lab.errors import Unavailable, UsageFault
from lab.settings import load_settings
from lab.snapshots.files import load
from lab.snapshots.files import save as write
from lab.snapshots.snapshot import Snapshot
from lab.trials.explain import FILE_NAME

NOTHING_UP: Final = "  no stack is up on this machine; next: lab up"
LAST_FAILED: Final = "  the last stack on this machine failed; these are its logs"
LAST_FAILURE: Final = "  the last failure here, of {at}, is kept; see it: lab diagnose --snapshot {file}"


def doctor(target: TargetOption = HERE, *, as_json: AsJson = False) -> None:
    """What a stack needs: what is there, what is missing, the next step."""
    settings = load_settings()
    checks = examine(wiring.snapshots(target, settings).take("before"))
    print_answer(_lines(checks), [check._asdict() for check in checks], as_json=as_json)
    if missing := ", ".join(check.name for check in checks if not check.good):
        raise Unavailable(wiring.target(target, settings).declaration.unfit, found=f"missing: {missing}")


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
        with writing(save):
            write(taken, save)
    findings = findings_in(taken)
    if as_json:
        print_json([asdict(finding) for finding in findings])
        return 1 if findings else 0
    for line in _about_the_stack(taken, last_failure):
        print(line)
    is_terminal, unanswered = sys.stdout.isatty(), taken.probes.unanswered
    print(text.text(findings, namespace=taken.namespace, colour=is_terminal, unanswered=unanswered))
    return 1 if findings else 0


def _lines(checks: Sequence[Check]) -> Iterator[str]:
    """Yield a line for every check; where a check is not good, its next step below it."""
    for check in checks:
        yield f"  {'✓' if check.good else '✗'} {check.name:16s} {check.found}"
        if check.next_step:
            yield f"    {'':16s} do: {check.next_step}"


def _take(target: str, namespace: str) -> tuple[Snapshot, Path]:
    """Return a snapshot, and the file that keeps the snapshot of the last failure on the same target, if any."""
    settings = load_settings(namespace=namespace or None)
    place = target or default_target(settings, namespace)
    return wiring.snapshots(place, settings).take(), settings.failures_dir / place / FILE_NAME


def _about_the_stack(snapshot: Snapshot, last_failure: Path | None) -> Iterator[str]:
    """Yield lines about a local stack that is not up, and about the snapshot that its last failure left, if any."""
    machine = snapshot.machine
    if machine is None or machine.stack not in {"", "stopped", "failed"}:
        return
    yield LAST_FAILED if machine.stack == "failed" else NOTHING_UP
    if last_failure is not None and last_failure.is_file():
        at = datetime.fromtimestamp(last_failure.stat().st_mtime, UTC).astimezone()
        yield LAST_FAILURE.format(at=f"{at:%Y-%m-%d %H:%M}", file=shlex.quote(str(last_failure)))
