"""Options that several commands share."""

from typing import Annotated, Final

import typer

from lab.errors import UsageFault

HERE: Final = "processes"
"""Name of the target that a command uses unless another is given: this machine."""
TargetOption = Annotated[str, typer.Option(help="Where services run.")]
NamespaceOption = Annotated[str, typer.Option(help="On a cluster: the namespace of the stack.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def name_and_value(text: str, *, refusal: UsageFault) -> tuple[str, str]:
    """Return the two parts of `NAME=VALUE`.

    Raises:
        UsageFault: The text has no `=`; the refusal that the command gave.

    >>> name_and_value("rate=5", refusal=UsageFault("a name and a value are needed"))
    ('rate', '5')
    """
    name, equals, value = text.partition("=")
    if not equals:
        raise refusal
    return name, value
