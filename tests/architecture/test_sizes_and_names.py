"""Rules that keep the tree readable: sizes, names, docstrings, layout."""

import ast
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.architecture.tools import PROJECT

TOP_LEVEL: Final = frozenset({"notebooks", "lab", "services", "manifests", "tests"})
SOURCES: Final = ("lab/*.py", "services/*.py")
ALL_CODE: Final = (*SOURCES, "tests/*.py")
LONGEST_MODULE: Final = 400
LONGEST_FUNCTION: Final = 50
"""Lines, from `def` to the last."""
MOST_MODULES: Final = 20
"""Modules of one folder, `__init__.py` not counted."""
MOST_DEFERRED_IMPORTS: Final = 15
DEFERRED_IMPORT: Final = re.compile(r"# noqa: [A-Z0-9, ]*\bPLC0415\b")
VAGUE: Final = frozenset({"utils", "util", "helpers", "helper", "common", "misc", "manager"})
VAGUE_VARIABLES: Final = frozenset({"one", "found", "said", "asked", "it", "thing"})
RETIRED: Final = frozenset(
    {
        "astray", "buried", "bury", "convicted", "forsaken", "hop", "hops", "leash", "leashed", "remark",
        "remarks", "ripe", "settler", "strata", "stratum", "suspicion", "witness", "witnesses",
    }
)  # fmt: skip
"""Words that the field's own terms have replaced."""
PARAGRAPH: Final = "\n\n"
SENTENCE_END: Final = re.compile(r"[.!?]\s+(?=[A-Z`*])")


def committed(*patterns: str) -> list[Path]:
    """Return the files that a commit of everything would hold and that match; generated files are left out."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--deduplicate", *patterns]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    paths = (PROJECT / name for name in done.stdout.splitlines() if "/generated/" not in name)
    return [path for path in paths if path.exists()]


def parsed(path: Path) -> ast.Module:
    """Return the syntax tree of a module."""
    return ast.parse(path.read_text(encoding="utf-8"))


def shown(path: Path, line: int, text: str = "") -> str:
    """Return `file:line text`."""
    return f"{path.relative_to(PROJECT)}:{line} {text}".rstrip()


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield every function of a module."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def is_long(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Return whether a function has too many lines."""
    return (function.end_lineno or 0) - function.lineno + 1 > LONGEST_FUNCTION


def variables(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield line and name of every variable and parameter, without fields of classes and without a keyword `found`."""
    exempt = {
        id(field.target) for node in ast.walk(tree) if isinstance(node, ast.ClassDef)
        for field in node.body if isinstance(field, ast.AnnAssign)
    } | {
        id(argument) for node in ast.walk(tree) if isinstance(node, ast.arguments)
        for argument in node.kwonlyargs if argument.arg == "found"
    }  # fmt: skip
    for node in ast.walk(tree):
        name = bound_name(node)
        if name and id(node) not in exempt:
            yield getattr(node, "lineno", 0), name


def bound_name(node: ast.AST) -> str:
    """Return the name that a node binds as a variable or parameter; empty for other nodes."""
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        return node.id
    if isinstance(node, ast.arg):
        return node.arg
    if isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
        return node.name or ""
    return ""


def identifiers(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield line and name of every identifier that a module defines."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.lineno, node.name
        elif name := bound_name(node):
            yield getattr(node, "lineno", 0), name


def words(identifier: str) -> list[str]:
    """Return the words of an identifier in lower case.

    >>> words("PoisonMessage_seen")
    ['poison', 'message', 'seen']
    """
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])", identifier)]


# ---------------------------------------------------------------------------------------------------------- sizes


def test_modules_can_be_read_in_one_sitting() -> None:
    """They have at most 400 lines."""
    long = [
        f"{path.relative_to(PROJECT)}: {lines}"
        for path in committed("*.py")
        if (lines := path.read_text(encoding="utf-8").count("\n")) > LONGEST_MODULE
    ]
    assert long == []


def test_functions_do_one_thing() -> None:
    """They have at most 50 lines."""
    long = [
        shown(path, node.lineno, node.name) for path in committed("*.py") for node in functions(path) if is_long(node)
    ]
    assert long == []


@pytest.mark.parametrize("lines", [LONGEST_FUNCTION, LONGEST_FUNCTION + 1])
def test_a_function_that_is_too_long_is_recognised(lines: int) -> None:
    """The line of `def` counts."""
    [function] = ast.parse("def f():\n" + "    pass\n" * (lines - 1)).body
    assert isinstance(function, ast.FunctionDef)
    assert is_long(function) is (lines > LONGEST_FUNCTION)


def test_folders_hold_few_modules() -> None:
    """They hold at most 20, so that a reader finds the module for a change."""
    sizes = Counter(path.parent.relative_to(PROJECT) for path in committed(*SOURCES) if path.stem != "__init__")
    assert {str(folder): size for folder, size in sizes.items() if size > MOST_MODULES} == {}


def test_few_imports_are_deferred() -> None:
    """At most 15 imports stand inside functions; other modules are loaded by their name in a table."""
    deferred = [
        shown(path, number)
        for path in committed(*SOURCES)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if DEFERRED_IMPORT.search(line)
    ]
    assert len(deferred) <= MOST_DEFERRED_IMPORTS, "\n".join(deferred)


# ---------------------------------------------------------------------------------------------- names and prose


def test_modules_say_what_they_are_in_one_sentence() -> None:
    """The first paragraph of the docstring is one sentence; "Pure." may follow."""
    bad = []
    for path in committed(*SOURCES):
        summary = (ast.get_docstring(parsed(path)) or "").split(PARAGRAPH)[0].rstrip().removesuffix(" Pure.")
        if not summary.endswith((".", ":")) or SENTENCE_END.search(summary):
            bad.append(shown(path, 1, summary))
    assert bad == [], "\n".join(bad)


def test_no_module_has_a_vague_name() -> None:
    """The name of a module says what the module contains."""
    assert [str(path) for path in committed("*.py") if path.stem in VAGUE or path.parent.name in VAGUE] == []


def test_no_variable_has_a_vague_name() -> None:
    """A variable is named after what it holds: a pod is called `pod`."""
    vague = [
        shown(path, line, name)
        for path in committed(*ALL_CODE)
        for line, name in variables(parsed(path))
        if name in VAGUE_VARIABLES
    ]
    assert vague == [], "\n".join(vague)


def test_identifiers_use_the_terms_of_the_field() -> None:
    """The words that the field's terms replaced are gone."""
    retired = [
        shown(path, line, name)
        for path in committed(*SOURCES)
        for line, name in [(1, path.stem), *identifiers(parsed(path))]
        if RETIRED.intersection(words(name))
    ]
    assert retired == [], "\n".join(retired)


def test_no_work_is_left_for_later() -> None:
    """No comment marks an open task."""
    marker = re.compile("#.*" + r"\b(TO" + r"DO|FIX" + r"ME)\b")
    marked = [
        shown(path, number)
        for path in committed("lab/*.py", "services/*.py", "tests/*.py")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if marker.search(line)
    ]
    assert marked == [], "\n".join(marked)


@pytest.mark.parametrize(
    ("source", "vague"),
    [
        ("for one in pods: pass", ["one"]),
        ("def count(said, *, asked): pass", ["said", "asked"]),
        ("names = [it for it in pods]", ["it"]),
        ("try: pass\nexcept OSError as found: pass", ["found"]),
        ("class Finding:\n    found: str\n", []),
        ("def fail(text, *, found=''): pass\nfail('x', found='y')", []),
        ("pod.found = 1", []),
    ],
)
def test_vague_variables_are_recognised(source: str, vague: list[str]) -> None:
    """Loops, parameters, comprehensions and handlers count; fields and the keyword `found` do not."""
    assert sorted(name for _, name in variables(ast.parse(source)) if name in VAGUE_VARIABLES) == sorted(vague)


# --------------------------------------------------------------------------------------------------------- layout


def test_the_top_level_is_the_one_that_was_given() -> None:
    """It holds these folders, files, and folders whose name begins with a dot."""
    folders = {path.relative_to(PROJECT).parts[0] for path in committed() if len(path.relative_to(PROJECT).parts) > 1}
    assert {name for name in folders if not name.startswith(".")} == TOP_LEVEL


@pytest.mark.parametrize("secret", ["/" + "home/", "/" + "root/", "/work" + "/main", "BEGIN " + "PRIVATE KEY"])
def test_no_file_names_a_machine_or_holds_a_secret(secret: str) -> None:
    """Neither paths of a user's machine nor keys are committed."""
    texts = (path for path in committed() if path.suffix not in {".parquet", ".png"})
    assert [str(path) for path in texts if secret in path.read_text(encoding="utf-8")] == []
