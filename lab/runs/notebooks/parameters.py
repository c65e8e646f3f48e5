"""Checks given values against the parameters that a notebook declares (`ARCHITECTURE.md` D15)."""

import ast
import difflib
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lab.errors import DataFault, UsageFault
from lab.model.arguments import check_flag, check_numeric, check_text, check_whole

if TYPE_CHECKING:
    from lab.runs.documents import JsonObject

TAG: Final = "parameters"
"""Tag of the cell that declares the parameters."""
TRUE: Final = frozenset({"true", "yes", "1", "on"})
FALSE: Final = frozenset({"false", "no", "0", "off"})
"""Texts of a truth value, in any case."""
LONGEST_NAME: Final = 40
"""Characters of a name that no notebook declares, in an error."""
NEAR: Final = 0.5
"""Similarity from which a declared name is shown for a misspelt name."""
SHOWN_CHARACTERS: Final = 200
"""Of the reason why a file is no notebook."""
MEND: Final = f"open the notebook and mend the cell tagged `{TAG}`"
Value = str | float | int | bool


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter: `rate: float = 500.0  # offered events per second`."""

    name: str
    type: str
    default: Value


class NotFinite(ValueError):
    """A text is NaN or infinite."""


def parameters_of(notebook: Path) -> tuple[Parameter, ...]:
    """Return the parameters that the cell tagged `parameters` declares.

    Raises:
        UsageFault: There is no such notebook.
        DataFault: The file is no notebook, or its cell is not Python with plain defaults.
    """
    if not notebook.is_file():
        near = difflib.get_close_matches(notebook.name, [path.name for path in notebook.parent.glob("*.ipynb")], n=1)
        step = f"did you mean {notebook.parent / near[0]}?" if near else "give the path of an .ipynb file"
        raise UsageFault(f"no notebook {notebook}", next_step=step)
    source = _parameters_cell(notebook)
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        raise DataFault(f"{notebook}: the parameters cell is not Python", found=str(error), next_step=MEND) from error
    return tuple(_parameter(node, notebook) for node in tree.body if isinstance(node, ast.AnnAssign))


def checked(given: Sequence[tuple[str, str]], notebook: Path) -> dict[str, Value]:
    """Return the given values by name, converted to the types that the notebook declares.

    Raises:
        UsageFault: A name is not declared, or a value does not fit the type of its parameter.
    """
    declared = {parameter.name: parameter for parameter in parameters_of(notebook)}
    return {name: _converted(value, _declared(name, value, declared, notebook)) for name, value in given}


def check_type(name: str, value: object, declared: str) -> None:
    """Raise where a value does not fit the declared type of its parameter, `float`, `int`, `str` or `bool`.

    Raises:
        UsageFault: The message names the parameter and its value.

    >>> check_type("p99_ms", "5e3", "float")
    Traceback (most recent call last):
    lab.errors.UsageFault: p99_ms: '5e3' is a text, not a number
    """
    if declared in _CHECKS:
        _CHECKS[declared](name, value)


def undeclared(name: str, value: object, *, declared: Iterable[str], notebook: str) -> UsageFault:
    """Return the error for a parameter that a notebook does not declare; it names the nearest that it does."""
    names, shown = list(declared), name[:LONGEST_NAME]
    near = difflib.get_close_matches(name, names, n=1, cutoff=NEAR)
    attempted = f'no parameter "{shown}" in {notebook}'
    if not name.isidentifier():
        attempted = f'parameter "{shown}": not an identifier'
    step = f"-p {near[0]} {value}" if near else "name one of these"
    return UsageFault(attempted, found="it has: " + ", ".join(names), next_step=step, code="BAD_PARAM")


def _parameters_cell(notebook: Path) -> str:
    try:
        cells: list[JsonObject] = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        tagged = [cell for cell in cells if TAG in cell.get("metadata", {}).get("tags", ())]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        why = str(error)[:SHOWN_CHARACTERS]
        raise DataFault(f"{notebook} is no notebook", found=why, next_step="give the path of an .ipynb file") from error
    return "".join(tagged[0]["source"]) if tagged else ""


def _parameter(node: ast.AnnAssign, notebook: Path) -> Parameter:
    name = ast.unparse(node.target)
    try:
        default = ast.literal_eval(node.value) if node.value else ""
    except ValueError as error:
        raise DataFault(
            f"{notebook}: the default of {name} is no plain value",
            found=f"it is {ast.unparse(node.value) if node.value else ''}",
            next_step=f"{MEND}: a default is a number, a text, True or False",
        ) from error
    return Parameter(name, ast.unparse(node.annotation), default)


def _declared(name: str, value: str, declared: Mapping[str, Parameter], notebook: Path) -> Parameter:
    if name not in declared:
        raise undeclared(name, value, declared=declared, notebook=str(notebook))
    return declared[name]


def _converted(value: str, parameter: Parameter) -> Value:
    try:
        return _CONVERSIONS[parameter.type](value)
    except (ValueError, KeyError) as error:
        declared = f"{parameter.name}: {parameter.type} = {parameter.default!r}"
        article = "an" if parameter.type[:1] in "aeiou" else "a"
        wanted = "a finite number" if isinstance(error, NotFinite) else f"{article} {parameter.type}"
        attempted = f'{parameter.name}: "{value}" is not {wanted}'
        step = f"-p {parameter.name} {parameter.default}      (the default)"
        raise UsageFault(attempted, found=f"declared {declared}", next_step=step, code="BAD_PARAM_TYPE") from error


def _to_bool(text: str) -> bool:
    if text.lower() in TRUE:
        return True
    if text.lower() in FALSE:
        return False
    raise ValueError(text)


def _to_float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise NotFinite(text)
    return number


_CONVERSIONS: Final[Mapping[str, Callable[[str], Value]]] = {
    "str": str,
    "float": _to_float,
    "int": int,
    "bool": _to_bool,
}
_CHECKS: Final[Mapping[str, Callable[[str, object], None]]] = {
    "str": check_text,
    "float": check_numeric,
    "int": check_whole,
    "bool": check_flag,
}
