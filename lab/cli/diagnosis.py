"""The command that explains what is wrong in a namespace."""

import sys
from pathlib import Path
from typing import Annotated

import typer


def diagnose(
    snapshot: Annotated[Path, typer.Option("--snapshot", metavar="FILE", help="A look that was saved.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """What is wrong, why, what to do.

    Exit 0: nothing was found, 1: something was.
    """
    from lab.diagnosis import text  # noqa: PLC0415 - heavy
    from lab.diagnosis.diagnose import diagnose as findings_in  # noqa: PLC0415 - heavy
    from lab.diagnosis.snapshot import load  # noqa: PLC0415 - heavy

    look = load(snapshot)
    findings = findings_in(look)
    if as_json:
        print(text.as_json(findings))
    else:
        print(text.text(findings, namespace=look.namespace, colour=sys.stdout.isatty()))
    return 1 if findings else 0
