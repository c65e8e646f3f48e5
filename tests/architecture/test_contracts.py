"""What everybody agrees on stays agreed on: imports, protos, stubs, signals, settings."""

import ast
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from services.contracts import signals
from services.contracts.signals import SIGNALS, Signal

PROJECT: Final = Path(__file__).parents[2]
BIN: Final = Path(sys.executable).parent
CONTRACTS: Final = PROJECT / "services" / "contracts"
PACKAGES: Final = {
    "ingest-api": ("services/ingest_api",),
    "process-worker": ("services/process_worker",),
    "query-api": ("services/query_api",),
    "simulator": ("services/simulator",),
}
SHARED: Final = ("services/serving", "services/telemetry")
HEAVY: Final = ("grpc", "redis", "matplotlib", "pandas", "papermill", "pyarrow", "prometheus_api_client", "numpy")
IMPORT_DEADLINE_S: Final = 1.5
"""Five times what the façade may take."""


def run(*command: str, cwd: Path = PROJECT) -> subprocess.CompletedProcess[str]:
    """Run a tool of this environment."""
    return subprocess.run([str(BIN / command[0]), *command[1:]], cwd=cwd, capture_output=True, text=True, check=False)


def test_imports_go_down() -> None:
    """Every import contract is kept."""
    done = run("lint-imports", "--no-cache")
    assert done.returncode == 0, done.stdout


def test_stubs_are_what_the_protos_generate() -> None:
    """Nobody edits generated code."""
    done = run("python", "-m", "services.contracts.generate", "--check")
    assert done.returncode == 0, done.stdout + done.stderr


def test_protos_follow_the_rules() -> None:
    """Buf's lint rules hold."""
    done = run("buf", "lint", cwd=CONTRACTS)
    assert done.returncode == 0, done.stdout


def test_protos_break_nobody() -> None:
    """Whoever speaks the committed baseline is still understood."""
    done = run("buf", "breaking", "--against", "baseline.json", cwd=CONTRACTS)
    assert done.returncode == 0, done.stdout


def test_a_planted_break_is_found(tmp_path: Path) -> None:
    """A field that goes away is reported by name."""
    shutil.copytree(CONTRACTS, tmp_path / "contracts", ignore=shutil.ignore_patterns("generated", "*.py"))
    proto = tmp_path / "contracts" / "proto" / "lab" / "query" / "v1" / "query.proto"
    planted = re.sub(r"\n\s*uint64 duplicates = 5;", "", proto.read_text(), count=1)
    proto.write_text(planted)
    done = run("buf", "breaking", "--against", "baseline.json", cwd=tmp_path / "contracts")
    assert done.returncode != 0
    assert "duplicates" in done.stdout


@pytest.mark.parametrize("service", PACKAGES)
def test_every_declared_signal_is_recorded_and_no_other(service: str) -> None:
    """`signals.py` is the truth about what a service emits."""
    own = used_signals(*PACKAGES[service])
    declared = {signal.name for signal in SIGNALS[service]}
    assert own <= declared
    assert declared <= own | used_signals(*SHARED)


def used_signals(*folders: str) -> set[str]:
    """Names of the signals that modules of some folders mention."""
    by_constant = {name: value for name, value in vars(signals).items() if isinstance(value, Signal)}
    found = set()
    for folder in folders:
        for path in (PROJECT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
                if name in by_constant:
                    found.add(by_constant[name].name)
    return found


@pytest.mark.parametrize("module", sorted(PROJECT.glob("services/*/settings.py")), ids=lambda path: path.parent.name)
def test_every_setting_is_explained(module: Path) -> None:
    """A field is followed by a sentence that says what it means."""
    unexplained = []
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef) and any("Settings" in ast.unparse(base) for base in node.bases):
            for field, after in zip(node.body, [*node.body[1:], None], strict=True):
                if isinstance(field, ast.AnnAssign) and not _is_text(after):
                    unexplained.append(ast.unparse(field.target))
    assert unexplained == []


def _is_text(node: ast.stmt | None) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def test_importing_the_lab_is_quick_and_pulls_in_no_backend() -> None:
    """A notebook's first line does not wait for what only a run needs."""
    code = (
        "import sys, time, json; started = time.perf_counter(); import lab; took = time.perf_counter() - started\n"
        f"print(json.dumps([took, [name for name in {HEAVY!r} if name in sys.modules]]))"
    )
    done = run("python", "-c", code)
    took_s, heavy = json.loads(done.stdout)
    assert heavy == []
    assert took_s < IMPORT_DEADLINE_S
