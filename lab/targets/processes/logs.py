"""Reads the logs of the programs of a stack."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.targets.follow import followed_files
from lab.targets.processes.plan import Plan, no_such_program


@dataclass(frozen=True, slots=True)
class ProgramLogs:
    """Reads logs, also those of programs that have ended.

    Attributes:
        plan: Names the programs.
    """

    plan: Plan

    def files(self) -> Mapping[str, Path]:
        """Return program → its log; a program that was never started has written none."""
        return {program.name: Path(program.log) for program in self.plan.programs}

    def last_lines(self, name: str, lines: int) -> Sequence[str]:
        """Return the last lines of a program's log; none of a program that was never started.

        Raises:
            UsageFault: The stack has no such program.
        """
        file = self._file(name)
        return file.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:] if file.exists() else ()

    def follow(self, names: Sequence[str], lines: int) -> Iterator[str]:
        """Return the last lines of some logs, then every new line, without end.

        Raises:
            UsageFault: The stack has no such program.
        """
        return followed_files([self._file(name) for name in names], lines)

    def _file(self, name: str) -> Path:
        files = self.files()
        if name not in files:
            raise no_such_program(name, files)
        return files[name]
