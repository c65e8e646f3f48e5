"""What a person and what a program are shown."""

import json
from pathlib import Path

import pytest

from lab.cli import main
from lab.diagnosis.diagnose import diagnose
from lab.diagnosis.text import as_json, text
from lab.snapshots.snapshot import Snapshot, save
from tests.unit.diagnosis.builders import NAMESPACE, healthy
from tests.unit.diagnosis.cases import CASES


def test_a_finding_is_drawn_as_evidence_reason_and_next_step() -> None:
    """Title left, cause right."""
    drawn = text(diagnose(CASES["wrong-architecture"].snapshot), namespace=NAMESPACE).splitlines()
    assert drawn[0] == f"  1 problem in namespace {NAMESPACE}"
    assert drawn[2].startswith("  process-worker-arm64 runs the wrong architecture   ")
    assert drawn[2].endswith(" wrong-architecture")
    assert [line.split()[0] for line in drawn[3:] if not line.startswith(" " * 14)] == ["found", "why", "do"]
    assert drawn[-1] == "    do        lab images resolve && lab up --target kubernetes --namespace testbed --force"


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_next_step_is_never_broken(case: object) -> None:
    """However long it is; other lines fit a screen."""
    findings = diagnose(getattr(case, "snapshot"))  # noqa: B009
    lines = text(findings, namespace=NAMESPACE).splitlines()
    assert [line for line in lines if line.startswith("    do ")] == [f"    do        {one.do}" for one in findings]
    assert all(len(line) <= 112 for line in lines if not line.startswith("    do ") and " " in line[14:])


def test_colour_only_adds_to_the_text() -> None:
    """Without it the words are the same."""
    findings = diagnose(CASES["oom-kill"].snapshot)
    coloured = text(findings, namespace=NAMESPACE, colour=True)
    assert "\033[1m" in coloured
    for code in ("\033[1m", "\033[2m", "\033[0m"):
        coloured = coloured.replace(code, "")
    assert coloured == text(findings, namespace=NAMESPACE)


def test_a_program_gets_every_field() -> None:
    """As a list of objects."""
    found = json.loads(as_json(diagnose(CASES["oom-kill"].snapshot)))
    assert found[0]["cause"] == "oom-kill"
    assert {"object", "title", "found", "why", "do"} <= found[0].keys()


@pytest.mark.parametrize(("snapshot", "code"), [(healthy(), 0), (CASES["oom-kill"].snapshot, 1)], ids=["well", "ill"])
def test_the_command_tells_by_its_exit_code(
    snapshot: Snapshot, code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """0: nothing was found, 1: something was; in words and as JSON."""
    save(snapshot, tmp_path / "look.json")
    assert main(["diagnose", "--snapshot", str(tmp_path / "look.json")]) == code
    assert f"in namespace {NAMESPACE}" in capsys.readouterr().out
    assert main(["diagnose", "--snapshot", str(tmp_path / "look.json"), "--json"]) == code
    assert len(json.loads(capsys.readouterr().out)) == code


def test_a_snapshot_that_is_not_there_is_an_error_of_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 65."""
    assert main(["diagnose", "--snapshot", str(tmp_path / "none.json")]) == 65
    assert "cannot read a snapshot" in capsys.readouterr().err
