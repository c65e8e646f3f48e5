"""Prepares the notebook that carries out an experiment."""

from typing import TYPE_CHECKING

from lab.display.stale import forget_stale
from lab.model import Trial
from lab.reports import card, summary
from lab.runs.notebooks.this_kernel import shell_here

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


def prepare_notebook() -> None:
    """Let a notebook show trials as cards, and forget those that a failed cell would have replaced."""
    shell = shell_here()
    if shell is not None:
        forget_stale(shell)
        show_as_cards(shell)


def show_as_cards(shell: "InteractiveShell") -> None:
    """Let IPython show every trial as its card: HTML in a notebook, text in a terminal."""
    if shell.display_formatter is None:
        return
    formatters = shell.display_formatter.formatters
    formatters["text/html"].for_type(Trial, card.html)
    formatters["text/plain"].for_type(Trial, lambda trial, printer, _cycle: printer.text(summary.text(trial)))
