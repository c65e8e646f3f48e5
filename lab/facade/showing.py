"""Shows trials in a notebook: as cards, and in tables."""

from collections.abc import Sequence

from lab.display.stale import forget_stale
from lab.model import Trial
from lab.reports import breakdown as breakdown_report
from lab.reports import card, comparison
from lab.reports.table import Table
from lab.runs.notebooks.this_kernel import shell_here


def breakdown(trial: Trial) -> Table:
    """Return a table of the work and the cost of each architecture and node in a trial.

    Returns:
        One row for each node, and for each architecture that has several nodes. Columns: accepted and counted events,
        the share of all counted events in percent, CPU time of ingest-api and of process-worker for each event.
    """
    return breakdown_report.table(trial)


def side_by_side(trials: Sequence[Trial]) -> Table:
    """Return trials in columns: figures with intervals, ratios to the first trial, whether each trial keeps up.

    Args:
        trials: At least one; the first is what the others are compared with.

    Returns:
        One row for each figure, with its unit, and one column for each trial. Figures of trials that may not be
        believed are left out. Conclusions and the answer of each trial stand below.

    Raises:
        UsageFault: There is no trial.
    """
    return comparison.table(trials)


def show_as_cards() -> None:
    """Let IPython show every trial as its card, HTML in a notebook, text in a terminal, and forget stale trials."""
    shell = shell_here()
    if shell is None or shell.display_formatter is None:
        return
    forget_stale(shell)
    formatters = shell.display_formatter.formatters
    formatters["text/html"].for_type(Trial, card.html)
    formatters["text/plain"].for_type(Trial, lambda trial, printer, _cycle: printer.text(card.text(trial)))
