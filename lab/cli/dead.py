"""Commands for dead letters: list them, put them back into the stream."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from lab.cli.answers import print_answer
from lab.cli.options import HERE, AsJson, NamespaceOption, TargetOption
from lab.cli.stack import current
from lab.model.plurals import counted
from lab.settings import load_settings
from lab.wiring import dead_letters
from lab.wiring import target as open_target

if TYPE_CHECKING:
    from lab.metrics.dead_letters import DeadLetter


def list_(target: TargetOption = HERE, *, namespace: NamespaceOption = "", as_json: AsJson = False) -> None:
    """All dead letters, each with its reason."""
    letters = dead_letters(current(target, namespace).endpoints).list()
    options = open_target(target, load_settings(namespace=namespace or None)).options
    print_answer(_lines(letters, options), [letter._asdict() for letter in letters], as_json=as_json)


def replay(
    ids: Annotated[list[str] | None, typer.Argument(help="Ids to replay; none means all.")] = None,
    target: TargetOption = HERE,
    *,
    namespace: NamespaceOption = "",
) -> None:
    """Put dead letters back into the stream."""
    events = dead_letters(current(target, namespace).endpoints).replay(ids or ())
    print(f"  {counted(events, 'event')} {'is' if events == 1 else 'are'} back in the stream")


def _lines(letters: Sequence["DeadLetter"], options: str) -> Iterator[str]:
    """Yield a line for each letter, then their number and the command that replays them on the same stack."""
    for letter in letters:
        yield f"  {letter.letter_id:20s} {letter.run:40s} {letter.events:6,} events  {letter.reason}"
    step = f"; next: {' '.join(filter(None, ('lab dead replay', options)))}"
    yield f"  {counted(len(letters), 'dead letter')}" + (step if letters else "")
