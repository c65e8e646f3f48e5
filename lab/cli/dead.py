"""Commands for dead letters: list them, put them back into the stream."""

import json
from typing import Annotated

import typer

from lab.cli.options import HERE, AsJson, NamespaceOption, TargetOption
from lab.cli.stack import current
from lab.settings import load_settings
from lab.wiring import dead_letters
from lab.wiring import target as open_target


def list_(target: TargetOption = HERE, *, namespace: NamespaceOption = "", as_json: AsJson = False) -> None:
    """All dead letters, each with its reason."""
    letters = dead_letters(current(target, namespace).endpoints).list()
    if as_json:
        print(json.dumps([letter._asdict() for letter in letters], indent=2))
        return
    for letter in letters:
        print(f"  {letter.letter_id:20s} {letter.run:40s} {letter.events:6,} events  {letter.reason}")
    options = open_target(target, load_settings(namespace=namespace or None)).options
    step = f"; next: {' '.join(filter(None, ('lab dead replay', options)))}"
    print(f"  {len(letters):,} dead letters" + (step if letters else ""))


def replay(
    ids: Annotated[list[str] | None, typer.Argument(help="Ids to replay; none means all.")] = None,
    target: TargetOption = HERE,
    *,
    namespace: NamespaceOption = "",
) -> None:
    """Put dead letters back into the stream."""
    events = dead_letters(current(target, namespace).endpoints).replay(ids or ())
    print(f"  {events:,} events are back in the stream")
