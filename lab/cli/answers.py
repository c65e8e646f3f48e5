"""Prints the answer of a command: lines for a person, JSON for a program."""

from collections.abc import Iterable

from lab.runs.documents import text_of


def print_answer(lines: Iterable[str], document: object, *, as_json: bool) -> None:
    """Print the lines; with `--json`, print the document and make no line.

    >>> print_answer(["one line", "another"], [], as_json=False)
    one line
    another
    >>> print_answer(["one line"], ["a value"], as_json=True)
    [
      "a value"
    ]
    """
    if as_json:
        print_json(document)
        return
    for line in lines:
        print(line)


def print_json(document: object) -> None:
    """Print a document as JSON; see `lab.runs.documents.text_of`."""
    print(text_of(document), end="")
