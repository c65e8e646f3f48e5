"""Commands for a stack of which a part does not run, and for one that is not where the defaults say."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import ClassVar

import pytest

from lab import wiring
from lab.cli import main
from lab.errors import Forbidden
from lab.metrics.dead_letters import DeadLetter
from lab.model import Bound, Endpoints, ServiceStatus
from lab.settings import LabSettings
from lab.targets.kubernetes.target import KubernetesTarget
from lab.targets.port import Declaration, Report
from tests.fakes.target import ENDPOINTS, FakeDeployment, FakeTarget

ON_CLUSTER = ["--target", "kubernetes"]
LINE = '{"time": "2026-11-25T02:00:00.123Z", "level": "info", "message": "serving on 0.0.0.0:7000"}'
SHOWN = "02:00:00.123  info    serving on 0.0.0.0:7000"
COMMAND = "kubectl --namespace testbed port-forward deployment/prometheus 9090"


class Partly(FakeDeployment):
    """A stack whose arm64 worker does not run, with no query-api at all; satisfies `KeptStack`."""

    @property
    def within_reach(self) -> Endpoints:
        """Nobody can be asked for the ledger."""
        return replace(ENDPOINTS, query="")

    @property
    def metrics_command(self) -> str:
        """Prometheus is inside."""
        return COMMAND

    def everybody(self) -> Sequence[ServiceStatus]:
        """One that runs, with what its two replicas fill up, and one that does not."""
        crashing = "pod process-worker-arm64-1 on r3; CrashLoopBackOff"
        backlog = Bound("backlog", 7, 1_000, "events")
        memory = (Bound("store memory", size, 300_000_000, "bytes") for size in (3_100_000, 3_200_000))
        running = replace(self.statuses()[0], bounds=(backlog, *memory))
        return [running, ServiceStatus("process-worker", "", healthy=False, detail=crashing, node="r3")]

    def programs(self) -> Sequence[str]:
        """Two pods of the worker."""
        return ["process-worker-amd64-1", "process-worker-arm64-1"]

    def last_lines(self, name: str, lines: int) -> Sequence[str]:
        """What one of them may not be asked for."""
        if "arm64" in name:
            raise Forbidden(f"cannot read the log of {name}", next_step="lab rbac print")
        return [LINE][:lines]

    def follow(self, names: Sequence[str], lines: int) -> Iterator[str]:
        """As pods are followed."""
        return iter([f"{name}  {LINE}" if len(names) > 1 else LINE for name in names])


class Up(FakeTarget):
    """A target on which that stack is up in every namespace but `empty`; its settings are those it was opened with."""

    declaration: ClassVar[Declaration] = KubernetesTarget.declaration

    def __init__(self, settings: LabSettings) -> None:
        super().__init__(Partly())
        self._settings = settings

    @property
    def options(self) -> str:
        """As the real one's."""
        return KubernetesTarget(self._settings).options

    def current(self) -> FakeDeployment | None:
        """See `Target.current`."""
        return None if self._settings.namespace == "empty" else self._deployment

    def down(self, report: Report, /) -> bool:
        """See `Target.down`; in the namespace `shared` there is something of somebody else's."""
        if self._settings.namespace == "shared":
            report("namespace", "shared stays", 0.0)
        return self._settings.namespace != "empty"


@pytest.fixture(autouse=True)
def cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    """The target `kubernetes` is that one."""
    monkeypatch.setitem(wiring.TARGETS, "kubernetes", Up)


def said(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    """What a command prints."""
    assert main([*arguments, *ON_CLUSTER]) == code
    captured = capsys.readouterr()
    return captured.err if code else captured.out


def test_status_shows_what_does_not_run_beside_what_does(capsys: pytest.CaptureFixture[str]) -> None:
    """With what it does and where; one service without a pod hides none of the others."""
    lines = said(capsys, "status").splitlines()
    assert lines[0].startswith("  ✓ ingest-api ")
    assert lines[1] == "  ✗ process-worker  pod process-worker-arm64-1 on r3; CrashLoopBackOff"
    assert "ledger  query-api cannot be reached" in lines[-2]
    assert lines[-1] == "  bounds  backlog 7 of 1,000 events, store memory 3.2 of 300 MB"
    shown = json.loads(said(capsys, "status", "--json"))
    assert [(service["healthy"], service["node"]) for service in shown["services"]] == [(True, ""), (False, "r3")]
    assert shown["endpoints"]["query"] == ""


def test_lines_of_several_pods_are_readable_behind_their_names(capsys: pytest.CaptureFixture[str]) -> None:
    """As those of one are."""
    assert said(capsys, "logs", "process-worker", "-f").splitlines() == [
        f"process-worker-amd64-1  {SHOWN}",
        f"process-worker-arm64-1  {SHOWN}",
    ]
    assert said(capsys, "logs", "process-worker-amd64-1", "-f").splitlines() == [SHOWN]


def test_lines_of_another_form_are_shown_as_they_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also where they are JSON: a program prints what it likes."""
    lines = ["0", "null", "[]", '"x"', "{}", '{"time": 5, "level": "info", "message": "m"}', "Killed"]
    monkeypatch.setattr(Partly, "last_lines", lambda *_: [*lines, LINE])
    assert said(capsys, "logs", "process-worker-amd64-1").splitlines() == [*lines, SHOWN]


def test_a_log_that_may_not_be_read_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """It is a program of the stack all the same; the logs of others are read."""
    assert said(capsys, "logs", "process-worker-amd64-1").splitlines() == [SHOWN]
    assert "cannot read the log of process-worker-arm64-1" in said(
        capsys, "logs", "process-worker-arm64-1", code=Forbidden.exit_code
    )
    assert "it has: process-worker-amd64-1, process-worker-arm64-1" in said(capsys, "logs", "redis", code=64)


def test_a_metrics_server_inside_is_opened_by_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    """Which goes on for as long as somebody looks."""
    assert said(capsys, "open", "prometheus").split("\n")[:2] == [
        f"  run    {COMMAND}",
        "  open   http://127.0.0.1:9090",
    ]


def test_next_steps_name_target_and_namespace(capsys: pytest.CaptureFixture[str]) -> None:
    """Each can be pasted as it stands."""
    here, there = "--target kubernetes", "--target kubernetes --namespace other"
    run = "lab run notebooks/10_baseline.ipynb -p target kubernetes"
    assert f"  next          lab status {here}     {run}     lab down {here}\n" in said(capsys, "up")
    elsewhere = said(capsys, "up", "--namespace", "other")
    assert f"  next          lab status {there}     LAB_NAMESPACE=other {run}     lab down {there}\n" in elsewhere


@pytest.mark.parametrize("command", [["status"], ["logs", "redis"], ["open", "prometheus"], ["dead", "list"]])
def test_a_stack_is_looked_for_where_it_is_said_to_be(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """And brought up there by what is told next."""
    words = said(capsys, *command, "--namespace", "empty", code=69)
    assert "no stack is up" in words
    assert "do: lab up --target kubernetes --namespace empty" in words


def test_what_is_taken_down_is_where_it_is_said_to_be(capsys: pytest.CaptureFixture[str]) -> None:
    """The default namespace's stack is left alone."""
    assert "no stack is up" in said(capsys, "down", "--namespace", "empty")
    assert said(capsys, "down") == "  stack         down, nothing is left running\n"


def test_a_namespace_that_stays_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """In a line of its own."""
    told = "  stack         down, nothing is left running\n"
    assert said(capsys, "down", "--namespace", "shared") == f"  namespace     shared stays\n{told}"


class Letters:
    """Dead letters in memory; satisfies `DeadLetters`."""

    def __init__(self, *letters: DeadLetter) -> None:
        self._letters = letters
        self.replayed: list[Sequence[str]] = []

    def list(self) -> Sequence[DeadLetter]:
        """See `DeadLetters.list`."""
        return self._letters

    def replay(self, letter_ids: Sequence[str] = ()) -> int:
        """See `DeadLetters.replay`."""
        self.replayed.append(letter_ids)
        chosen = [letter for letter in self._letters if not letter_ids or letter.letter_id in letter_ids]
        return sum(letter.events for letter in chosen)


KILLED = DeadLetter("1-0", "a-run", "7-0", 3, "killed", 1)
UNDECODABLE = DeadLetter("2-0", "a-run", "8-0", -1, "undecodable", 1_200)


@pytest.mark.parametrize(
    ("letters", "last"),
    [
        ((KILLED,), "  1 dead letter; next: lab dead replay --target kubernetes"),
        ((KILLED, UNDECODABLE), "  2 dead letters; next: lab dead replay --target kubernetes"),
        ((), "  0 dead letters"),
    ],
)
def test_dead_letters_are_listed_with_their_reasons(
    letters: tuple[DeadLetter, ...], last: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Then follow their number, and the command that replays them; a program gets every field."""
    monkeypatch.setattr("lab.cli.dead.dead_letters", lambda _: Letters(*letters))
    lines = said(capsys, "dead", "list").splitlines()
    assert [line.split() for line in lines[:-1]] == [
        [letter.letter_id, letter.run, f"{letter.events:,}", "events", letter.reason] for letter in letters
    ]
    assert lines[-1] == last
    assert json.loads(said(capsys, "dead", "list", "--json")) == [letter._asdict() for letter in letters]


def test_replayed_dead_letters_are_counted_in_events(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Those that were named, else all."""
    letters = Letters(KILLED, UNDECODABLE)
    monkeypatch.setattr("lab.cli.dead.dead_letters", lambda _: letters)
    assert said(capsys, "dead", "replay") == "  1,201 events are back in the stream\n"
    assert said(capsys, "dead", "replay", "1-0") == "  1 event is back in the stream\n"
    assert [list(ids) for ids in letters.replayed] == [[], ["1-0"]]
