"""Contracts between the parts of the tree: imports, protos, stubs, signals, settings."""

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
HEAVY: Final = (
    "IPython", "cryptography", "grpc", "httpx", "kubernetes", "matplotlib", "numpy", "pandas", "papermill",
    "prometheus_api_client", "pyarrow", "redis", "yaml",
)  # fmt: skip
LIGHT: Final = (
    "lab", "lab.cli.app", "lab.errors", "lab.files", "lab.load.profiles", "lab.model", "lab.questions", "lab.settings",
    "lab.wiring",
)  # fmt: skip
"""Modules that every command or notebook imports at its start."""
IMPORT_DEADLINE_S: Final = 1.5
"""Five times what `import lab` may take."""
SUPERVISOR: Final = "lab.targets.processes.supervision.supervisor"
IN_SUPERVISOR: Final = re.compile(r"lab\.(errors|files|model(\..*)?|targets(\.parent_death|\.processes(\..*)?)?)")
"""The modules of the lab that the supervisor may import, in addition to those of `import lab`."""


def run(*command: str, cwd: Path = PROJECT) -> subprocess.CompletedProcess[str]:
    """Run a tool of this environment; return what it printed."""
    return subprocess.run([str(BIN / command[0]), *command[1:]], cwd=cwd, capture_output=True, text=True, check=False)


def test_imports_go_down() -> None:
    """Every import contract in `pyproject.toml` is kept."""
    done = run("lint-imports", "--no-cache")
    assert done.returncode == 0, done.stdout


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


@pytest.mark.parametrize("service", PACKAGES)
def test_every_declared_signal_is_recorded_and_no_other(service: str) -> None:
    """`signals.py` lists exactly the signals that a service emits."""
    own = used_signals(*PACKAGES[service])
    declared = {signal.name for signal in SIGNALS[service]}
    assert own <= declared
    assert declared <= own | used_signals(*SHARED)


def used_signals(*folders: str) -> set[str]:
    """Return the names of the signals that modules of these folders use."""
    by_constant = {name: value for name, value in vars(signals).items() if isinstance(value, Signal)}
    names = set()
    for folder in folders:
        for path in (PROJECT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
                if name in by_constant:
                    names.add(by_constant[name].name)
    return names


@pytest.mark.parametrize("module", sorted(PROJECT.glob("services/*/settings.py")), ids=lambda path: path.parent.name)
def test_every_setting_is_explained(module: Path) -> None:
    """A field is followed by a sentence about its meaning."""
    unexplained = []
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef) and any("Settings" in ast.unparse(base) for base in node.bases):
            for field, after in zip(node.body, [*node.body[1:], None], strict=True):
                if isinstance(field, ast.AnnAssign) and not _is_text(after):
                    unexplained.append(ast.unparse(field.target))
    assert unexplained == []


def _is_text(node: ast.stmt | None) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


# -------------------------------------------------------------------------------------------------- heavy modules


def imported(module: str, *, after: str = "sys") -> tuple[float, set[str]]:
    """Import a module in a fresh interpreter; return the seconds, and the modules it loaded that *after* had not."""
    code = (
        f"import sys, time, json, {after}; known = set(sys.modules); started = time.perf_counter(); import {module}\n"
        "print(json.dumps([time.perf_counter() - started, sorted(set(sys.modules) - known)]))"
    )
    done = run("python", "-c", code)
    assert done.returncode == 0, done.stderr
    took_s, names = json.loads(done.stdout)
    return took_s, set(names)


@pytest.mark.parametrize("module", LIGHT)
def test_what_every_command_imports_pulls_in_no_backend(module: str) -> None:
    """A command loads the heavy libraries only when it needs them."""
    _, names = imported(module)
    assert names.intersection(HEAVY) == set()


def test_importing_the_lab_is_quick() -> None:
    """The first line of a notebook does not wait for modules that only a run needs."""
    took_s, _ = imported("lab")
    assert took_s < IMPORT_DEADLINE_S


def test_the_supervisor_needs_the_standard_library_only() -> None:
    """It lives as long as the stack, and should stay small."""
    _, names = imported(SUPERVISOR)
    packages = {name.partition(".")[0] for name in names}
    assert packages - sys.stdlib_module_names <= {"lab", "services"}
    assert {name for name in names if name.partition(".")[0] == "services"} <= imported("lab")[1]


def test_the_supervisor_imports_few_modules_of_the_lab() -> None:
    """It imports the model, the errors and its own parts."""
    _, names = imported(SUPERVISOR, after="lab")
    assert {name for name in names if name.startswith("lab") and not IN_SUPERVISOR.fullmatch(name)} == set()
