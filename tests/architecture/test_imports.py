"""Imports go down, and what every command imports is light."""

import json
import re
import sys
import tomllib
from typing import Final

import pytest

from tests.architecture.tools import PROJECT, run

HEAVY: Final = (
    "IPython", "cryptography", "grpc", "httpx", "kubernetes", "matplotlib", "numpy", "pandas", "papermill",
    "prometheus_api_client", "pyarrow", "redis", "yaml",
)  # fmt: skip
LIGHT: Final = (
    "lab", "lab.cli.app", "lab.errors", "lab.files", "lab.load.profiles", "lab.model", "lab.questions", "lab.settings",
    "lab.wiring",
)  # fmt: skip
"""Modules that every command or notebook imports at its start."""
SUPERVISOR: Final = "lab.targets.processes.supervision.supervisor"
IN_SUPERVISOR: Final = re.compile(r"lab\.(errors|files|model(\..*)?|targets(\.parent_death|\.processes(\..*)?)?)")
"""The modules of the lab that the supervisor may import, in addition to those of `import lab`."""


def test_imports_go_down() -> None:
    """Every import contract in `pyproject.toml` is kept."""
    done = run("lint-imports", "--no-cache")
    assert done.returncode == 0, done.stdout


def layers_of(package: str) -> list[list[str]]:
    """Return the layers of a package by its import contract, each with its rooms, from the top down."""
    tools = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    contracts = tools["importlinter"]["contracts"]
    [contract] = [contract for contract in contracts if contract.get("containers") == [package]]
    return [layer.split(" | ") for layer in contract["layers"]]


def rows_of(package: str) -> list[list[str]]:
    """Return the rows of a package's table in `ARCHITECTURE.md`, each with its rooms, from the top down."""
    page = (PROJECT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    [table] = re.findall(
        rf"^\| \w+ of `{package}/`, top to bottom \|.*\n\|---\|---\|\n((?:\|.*\n)+)", page, re.MULTILINE
    )
    return [re.findall(r"`(\w+)(?:/|\.py)?`", row.split("|")[1]) for row in table.splitlines()]


@pytest.mark.parametrize("package", ["lab", "services"])
def test_the_page_orders_the_rooms_as_the_contract_does(package: str) -> None:
    """Every room stands in a row, and rows go down the layers; rooms of one row are of one layer."""
    layer_of = {room: number for number, layer in enumerate(layers_of(package)) for room in layer}
    rows = rows_of(package)
    assert sorted(room for row in rows for room in row) == sorted(layer_of)
    assert [row for row in rows if len({layer_of[room] for room in row}) > 1] == []
    numbers = [layer_of[row[0]] for row in rows]
    assert numbers == sorted(numbers)


def imported(module: str, *, after: str = "sys") -> set[str]:
    """Import a module in a fresh interpreter; return the modules it loaded that *after* had not."""
    code = (
        f"import sys, json, {after}; known = set(sys.modules); import {module}\n"
        "print(json.dumps(sorted(set(sys.modules) - known)))"
    )
    done = run("python", "-c", code)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


@pytest.mark.parametrize("module", LIGHT)
def test_what_every_command_imports_pulls_in_no_backend(module: str) -> None:
    """A command loads the heavy libraries only when it needs them."""
    names = imported(module)
    assert names.intersection(HEAVY) == set()


def test_importing_the_lab_loads_no_package_but_its_own() -> None:
    """The first line of a notebook does not wait for packages that only a run needs."""
    assert {name.partition(".")[0] for name in imported("lab")} - sys.stdlib_module_names == {"lab", "services"}


def test_the_supervisor_needs_the_standard_library_only() -> None:
    """It lives as long as the stack, and should stay small."""
    names = imported(SUPERVISOR)
    packages = {name.partition(".")[0] for name in names}
    assert packages - sys.stdlib_module_names <= {"lab", "services"}
    assert {name for name in names if name.partition(".")[0] == "services"} <= imported("lab")


def test_the_supervisor_imports_few_modules_of_the_lab() -> None:
    """It imports the model, the errors and its own parts."""
    names = imported(SUPERVISOR, after="lab")
    assert {name for name in names if name.startswith("lab") and not IN_SUPERVISOR.fullmatch(name)} == set()
