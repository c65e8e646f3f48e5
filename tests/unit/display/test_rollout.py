"""The table of a stack that comes up."""

import io
from dataclasses import replace

from lab.display.rollout import RolloutDisplay, table
from lab.model import RolloutRow
from lab.settings import environment_with
from tests.fakes.displays import Terminal

DIGEST = "sha256:840f8060" + "a" * 56
INGEST = RolloutRow(
    "ingest-api-amd64",
    "ingest-api",
    "amd64",
    nodes=("clus1",),
    ready=1,
    wanted=1,
    image=f"198.18.0.1:5000/ingest-api@{DIGEST}",
    says=("x86_64",),
    age_s=6.2,
    event="started",
)
WORKER = replace(
    INGEST,
    name="process-worker-arm64",
    service="process-worker",
    architecture="arm64",
    nodes=(),
    ready=0,
    says=(),
    age_s=200,
    event="pulling (2 s)",
)
TABLE = """\
SERVICE         ARCH   NODE   READY  IMAGE                 SAYS    AGE    LAST EVENT
ingest-api      amd64  clus1  1/1    ingest-api@840f8060…  x86_64  6 s    started
process-worker  arm64  –      0/1    ingest-api@840f8060…  –       3 min  pulling (2 s)"""


def come_up(stream: io.StringIO) -> str:
    """Return what is shown of a stack of two parts whose rows come twice."""
    with RolloutDisplay(stream) as display:
        display.stage("applied", "2 objects", 0.1)
        display.rows([replace(INGEST, ready=0, says=()), WORKER])
        display.stage("rollout", "ingest-api-amd64 1/1 on clus1", 1.0)
        display.rows([INGEST, WORKER])
        display.stage("well", "1 pod", 2.0)
    return stream.getvalue()


def test_a_row_has_part_place_progress_and_event() -> None:
    """Columns are as wide as their longest word; an unknown value is a dash."""
    assert "\n".join(table([INGEST, WORKER])) == TABLE


def test_a_file_gets_a_line_for_each_ready_part_and_the_table_once() -> None:
    """The last table, before the next stage."""
    lines = come_up(io.StringIO()).splitlines()
    assert [line.split()[0] for line in lines] == [
        *("applied", "rollout"),
        *("SERVICE", "ingest-api", "process-worker"),
        "well",
    ]
    assert "x86_64" in lines[3]


def test_a_terminal_gets_the_table_written_over() -> None:
    """All rows once each time, the rollout's words not at all, and the cursor comes back before the next stage."""
    with environment_with(TERM="xterm"):
        output = come_up(Terminal())
    assert output.count("SERVICE") == 3  # two tables, and the last once more when it is left standing
    assert "ingest-api-amd64 1/1" not in output
    assert "\x1b[1A" in output
    assert output.index("\x1b[?25l") < output.index("\x1b[?25h") < output.index("well")


def test_a_stack_that_never_comes_up_leaves_its_last_table() -> None:
    """It is the beginning of an explanation."""
    stream = io.StringIO()
    with RolloutDisplay(stream) as display:
        display.rows([WORKER])
    assert stream.getvalue().splitlines()[1].split()[:3] == ["process-worker", "arm64", "–"]


def test_a_target_without_rows_shows_stages_alone() -> None:
    """Local processes are up within a second or two."""
    stream = io.StringIO()
    with RolloutDisplay(stream) as display:
        display.stage("store", "valkey 9.1", 0.2)
    assert (
        stream.getvalue() == "  store         valkey 9.1                                                       0.2 s\n"
    )
