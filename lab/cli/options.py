"""Options that several commands share."""

from typing import Annotated, Final

import typer

HERE: Final = "processes"
"""Name of the target that a command uses unless another is given: this machine."""
TargetOption = Annotated[str, typer.Option(help="Where services run.")]
NamespaceOption = Annotated[str, typer.Option(help="On a cluster: the namespace of the stack.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
