"""Brings a stack up; a failure is explained while the stack still exists."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final, NoReturn

from lab.errors import BadConfig, LabError, Unavailable
from lab.snapshots.snapshot import Moment
from lab.targets.port import Deployment, Report, StackRequest
from lab.trials.explain import explained
from lab.trials.ports import Parts
from lab.trials.proof import prove

EXPLAINED: Final = (Unavailable, BadConfig)
"""Errors that a snapshot may explain; a fault of use or of a file says itself what is wrong."""


@contextmanager
def brought_up(parts: Parts, request: StackRequest, report: Report) -> Iterator[Deployment]:
    """Yield a stack that is up and proven. A failure is explained while the stack still exists.

    Raises:
        LabError: The stack cannot be brought up, or is not what was requested.
    """
    with ExitStack() as entered:
        with _explaining_beforehand(parts):
            deployment = entered.enter_context(parts.target.deployed(request, report))
        entered.enter_context(_explaining(deployment.folder, parts))
        started_s = parts.clock()
        deployment.bring_up()
        prove(deployment, parts, report, started_s=started_s)
        yield deployment


@contextmanager
def _explaining_beforehand(parts: Parts) -> Iterator[None]:
    """Explain why there is no deployment, unless the error has a next step of its own."""
    try:
        yield
    except EXPLAINED as error:
        if error.next_step:
            raise
        _raise_explained(error, None, parts, "before")


@contextmanager
def _explaining(folder: Path, parts: Parts) -> Iterator[None]:
    """Explain an error of the context by a snapshot of the stack in the folder."""
    try:
        yield
    except EXPLAINED as error:
        _raise_explained(error, folder, parts, "after")


def _raise_explained(error: LabError, folder: Path | None, parts: Parts, moment: Moment) -> NoReturn:
    """Raise an error with the cause that a snapshot shows; unchanged where there are no probes or no cause."""
    if parts.snapshots is None:
        raise error
    explanation = explained(error, parts.snapshots(folder), parts.failures, moment=moment)
    if explanation is error:
        raise error
    raise explanation from error
