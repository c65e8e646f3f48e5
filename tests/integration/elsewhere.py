"""A third place to run, made outside of the lab: local processes under another name."""

from collections.abc import Sequence
from typing import ClassVar

from lab.model.factors import Level
from lab.probes.local import LocalSnapshots
from lab.targets.port import Declaration
from lab.targets.processes.target import ProcessTarget


class ElsewhereTarget(ProcessTarget):
    """Satisfies `lab.targets.port.Target`; it has two levels of one factor."""

    declaration: ClassVar[Declaration] = Declaration(name="elsewhere", place="elsewhere", unfit="it cannot run there")

    @property
    def options(self) -> str:
        """See `Target.options`."""
        return "--target elsewhere"

    def levels(self, factor: str) -> Sequence[Level]:
        """See `Target.levels`."""
        return (10, 50) if factor == "batch_events" else ()


class ElsewhereSnapshots(LocalSnapshots):
    """Satisfies `lab.snapshots.port.SnapshotSource` for stacks of the third target."""
