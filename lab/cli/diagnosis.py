"""The command that explains what is wrong in a namespace."""

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from lab.errors import UsageFault
from lab.settings import load_settings


def diagnose(
    *,
    namespace: Annotated[str, typer.Option(help="Where to look; the configured one unless given.")] = "",
    snapshot: Annotated[Path | None, typer.Option(metavar="FILE", help="Read a look that was saved instead.")] = None,
    save: Annotated[Path | None, typer.Option(metavar="FILE", help="Keep the look, without secrets.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """What is wrong with the stack on a cluster, why, what to do.

    Exit 0: nothing was found, 1: something was.
    """
    from lab.diagnosis import text  # noqa: PLC0415 - heavy
    from lab.diagnosis.diagnose import diagnose as findings_in  # noqa: PLC0415 - heavy
    from lab.snapshots import snapshot as looks  # noqa: PLC0415 - heavy
    from lab.wiring import snapshot_source  # noqa: PLC0415 - heavy

    if snapshot is not None and (save is not None or namespace):
        raise UsageFault("a look that was saved is not taken again", next_step=f"lab diagnose --snapshot {snapshot}")
    settings = load_settings(namespace=namespace or None)
    look = looks.load(snapshot) if snapshot is not None else snapshot_source(settings).take()
    if save is not None:
        with _writing(save):
            looks.save(look, save)
    findings = findings_in(look)
    if as_json:
        print(text.as_json(findings))
    else:
        print(text.text(findings, namespace=look.namespace, colour=sys.stdout.isatty()))
    return 1 if findings else 0


@contextmanager
def _writing(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        step = "" if file.parent.is_dir() else f"mkdir -p {shlex.quote(str(file.parent))}"
        raise UsageFault(f"cannot write {file}", found=error.strerror or str(error), next_step=step) from error
