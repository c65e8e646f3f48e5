"""Findings as a person reads them, and as a program does."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from lab.cli import main
from lab.diagnosis.diagnose import diagnose
from lab.diagnosis.text import SHOWN_UNANSWERED, text
from lab.snapshots.files import save
from lab.snapshots.gaps import Unanswered
from lab.snapshots.snapshot import Snapshot
from tests.unit.diagnosis.builders import NAMESPACE, healthy
from tests.unit.diagnosis.cases import CASES, Case


def test_a_finding_is_shown_as_evidence_reason_and_next_step() -> None:
    """The title is on the left, the cause on the right."""
    shown = text(diagnose(CASES["wrong-architecture"].snapshot), namespace=NAMESPACE).splitlines()
    assert shown[0] == f"  1 problem in namespace {NAMESPACE}"
    assert shown[2].startswith("  process-worker-arm64 runs the wrong architecture   ")
    assert shown[2].endswith(" wrong-architecture")
    assert [line.split()[0] for line in shown[3:] if not line.startswith(" " * 14)] == ["found", "why", "do"]
    assert shown[-1] == "    do        lab images resolve && lab up --target kubernetes --namespace testbed --force"


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_next_step_is_never_wrapped(case: Case) -> None:
    """All other lines fit a screen."""
    findings = diagnose(case.snapshot)
    lines = text(findings, namespace=NAMESPACE).splitlines()
    assert [line for line in lines if line.startswith("    do ")] == [
        f"    do        {finding.do}" for finding in findings
    ]
    assert all(len(line) <= 112 for line in lines if not line.startswith("    do ") and " " in line[14:])


def test_parts_without_an_answer_follow_the_findings() -> None:
    """A few by their names, the others by their number."""
    parts = [
        Unanswered(f"log of worker-{number}/service", "cannot read the log: " + "timed out " * 20)
        for number in range(20)
    ]
    shown = text((), namespace="", unanswered=parts).splitlines()
    assert shown[:3] == ["  no problems on this machine", "", "  20 parts not judged, since asking failed"]
    assert sum(line.startswith("    missing   log of worker-") for line in shown) == SHOWN_UNANSWERED
    assert shown[-1].strip() == f"and {20 - SHOWN_UNANSWERED} more"
    assert all(len(line) <= 112 for line in shown)


def test_colour_only_adds_to_the_text() -> None:
    """Without colour the text is the same."""
    findings = diagnose(CASES["oom-kill"].snapshot)
    coloured = text(findings, namespace=NAMESPACE, colour=True)
    assert "\033[1m" in coloured
    for code in ("\033[1m", "\033[2m", "\033[0m"):
        coloured = coloured.replace(code, "")
    assert coloured == text(findings, namespace=NAMESPACE)


def test_a_program_gets_every_field(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """JSON is a list of objects."""
    file, snapshot = tmp_path / "snapshot.json", CASES["oom-kill"].snapshot
    save(snapshot, file)
    assert main(["diagnose", "--snapshot", str(file), "--json"]) == 1
    fields = json.dumps([asdict(finding) for finding in diagnose(snapshot)])
    assert json.loads(capsys.readouterr().out) == json.loads(fields)


@pytest.mark.parametrize(("snapshot", "code"), [(healthy(), 0), (CASES["oom-kill"].snapshot, 1)], ids=["well", "ill"])
def test_the_command_tells_by_its_exit_code(
    snapshot: Snapshot, code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The code is 0 without findings and 1 with findings, for text and for JSON."""
    file = tmp_path / "snapshot.json"
    save(snapshot, file)
    assert main(["diagnose", "--snapshot", str(file)]) == code
    assert f"in namespace {NAMESPACE}" in capsys.readouterr().out
    assert main(["diagnose", "--snapshot", str(file), "--json"]) == code
    assert len(json.loads(capsys.readouterr().out)) == code


def test_a_missing_snapshot_is_an_error_of_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The exit code is 65."""
    assert main(["diagnose", "--snapshot", str(tmp_path / "none.json")]) == 65
    assert "cannot read a snapshot" in capsys.readouterr().err
