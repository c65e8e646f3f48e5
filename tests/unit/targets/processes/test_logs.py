"""The logs of a stack are read by the names of its programs."""

from pathlib import Path

import pytest

from lab.errors import UsageFault
from lab.targets.processes.logs import ProgramLogs
from lab.targets.processes.plan import Plan, Program, Ready


def logs(folder: Path, *names: str) -> ProgramLogs:
    """Return the logs of some programs in a folder."""
    return ProgramLogs(
        Plan(tuple(Program(name, ("/bin/true",), Ready("once"), str(folder / f"{name}.log")) for name in names))
    )


def test_the_last_lines_are_those_of_the_program(tmp_path: Path) -> None:
    """Fewer where the log has fewer; none of a program that was never started."""
    (tmp_path / "a.log").write_text("1\n2\n3\n")
    several = logs(tmp_path, "a", "b")
    assert [list(several.last_lines("a", lines)) for lines in (2, 9)] == [["2", "3"], ["1", "2", "3"]]
    assert list(several.last_lines("b", 9)) == []


@pytest.mark.parametrize("name", ["proces-worker", "", "supervisor"])
def test_a_program_that_the_stack_does_not_have_is_an_error_with_its_programs(name: str, tmp_path: Path) -> None:
    """Whether its log is shown or followed; nothing is yielded before."""
    several = logs(tmp_path, "redis", "process-worker")
    with pytest.raises(UsageFault) as refused:
        several.last_lines(name, 1)
    assert refused.value.attempted == f'no program "{name}" in this stack'
    assert (refused.value.found, refused.value.next_step) == ("it has: redis, process-worker", "name one of these")
    with pytest.raises(UsageFault, match=f'no program "{name}" in this stack'):
        several.follow(["redis", name], 1)


def test_a_log_is_followed_from_its_last_lines(tmp_path: Path) -> None:
    """New lines come as they are written."""
    (tmp_path / "a.log").write_text("1\n2\n")
    lines = logs(tmp_path, "a").follow(["a"], 1)
    assert next(lines).rstrip() == "2"
    with (tmp_path / "a.log").open("a") as log:
        log.write("3\n")
    assert next(lines).rstrip() == "3"
