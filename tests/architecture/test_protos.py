"""Protos follow the rules, break no client, and are what the stubs are generated from."""

import re
import shutil
from pathlib import Path
from typing import Final

from tests.architecture.tools import PROJECT, run

CONTRACTS: Final = PROJECT / "services" / "contracts"


def test_stubs_are_what_the_protos_generate() -> None:
    """Generated code is not edited by hand."""
    done = run("python", "-m", "services.contracts.generate", "--check")
    assert done.returncode == 0, done.stdout + done.stderr


def test_protos_follow_the_rules() -> None:
    """Buf's lint rules hold."""
    done = run("buf", "lint", cwd=CONTRACTS)
    assert done.returncode == 0, done.stdout


def test_protos_break_nobody() -> None:
    """A client of the committed baseline is still understood."""
    done = run("buf", "breaking", "--against", "baseline.json", cwd=CONTRACTS)
    assert done.returncode == 0, done.stdout


def test_a_planted_break_is_found(tmp_path: Path) -> None:
    """A removed field is reported by name."""
    shutil.copytree(CONTRACTS, tmp_path / "contracts", ignore=shutil.ignore_patterns("generated", "*.py"))
    proto = tmp_path / "contracts" / "proto" / "lab" / "query" / "v1" / "query.proto"
    planted = re.sub(r"\n\s*uint64 duplicates = 5;", "", proto.read_text(), count=1)
    proto.write_text(planted)
    done = run("buf", "breaking", "--against", "baseline.json", cwd=tmp_path / "contracts")
    assert done.returncode != 0
    assert "duplicates" in done.stdout
