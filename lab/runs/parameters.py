"""Reads a notebook's parameters, and checks given values against them (`ARCHITECTURE.md` D15)."""

import ast
import difflib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lab.errors import DataFault, UsageFault

if TYPE_CHECKING:
    from lab.runs.documents import JsonObject

TAG: Final = "parameters"
TRUE: Final = frozenset({"true", "yes", "1", "on"})
FALSE: Final = frozenset({"false", "no", "0", "off"})
Value = str | float | int | bool


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter: `rate: float = 500.0  # offered events per second`."""

    name: str
    type: str
    default: Value


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
        raise DataFault(f"{notebook}: the parameters cell is not Python", found=str(error)) from error
    return tuple(_parameter(node, notebook) for node in tree.body if isinstance(node, ast.AnnAssign))


def checked(given: Sequence[tuple[str, str]], notebook: Path) -> dict[str, Value]:
    """Return the given values by name, converted to the types that the notebook declares.

    Raises:
        UsageFault: A name is not declared, or a value does not fit the type of its parameter.
    """
    declared = {parameter.name: parameter for parameter in parameters_of(notebook)}
    return {name: _converted(value, _declared(name, value, declared, notebook)) for name, value in given}


def _parameters_cell(notebook: Path) -> str:
    try:
        cells: list[JsonObject] = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        tagged = [cell for cell in cells if TAG in cell.get("metadata", {}).get("tags", ())]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataFault(f"{notebook} is no notebook", found=str(error)[:200]) from error
    return "".join(tagged[0]["source"]) if tagged else ""


def _parameter(node: ast.AnnAssign, notebook: Path) -> Parameter:
    name = ast.unparse(node.target)
    try:
        default = ast.literal_eval(node.value) if node.value else ""
    except ValueError as error:
        raise DataFault(f"{notebook}: the default of {name} is no plain value") from error
    return Parameter(name, ast.unparse(node.annotation), default)


def _declared(name: str, value: str, declared: Mapping[str, Parameter], notebook: Path) -> Parameter:
    if name in declared:
        return declared[name]
    near = difflib.get_close_matches(name, declared, n=1, cutoff=0.5)
    message = f'no parameter "{name[:40]}" in {notebook}'
    if not name.isidentifier():
        message = f'parameter "{name[:40]}": not an identifier'
    step = f"-p {near[0]} {value}" if near else ""
    raise UsageFault(message, found="it has: " + ", ".join(declared), next_step=step, code="BAD_PARAM")


def _converted(value: str, parameter: Parameter) -> Value:
    try:
        return _CONVERSIONS[parameter.type](value)
    except (ValueError, KeyError) as error:
        declared = f"{parameter.name}: {parameter.type} = {parameter.default!r}"
        article = "an" if parameter.type[:1] in "aeiou" else "a"
        message = f'{parameter.name}: "{value}" is not {article} {parameter.type} (declared {declared})'
        raise UsageFault(message, code="BAD_PARAM_TYPE") from error


def _to_bool(text: str) -> bool:
    if text.lower() in TRUE:
        return True
    if text.lower() in FALSE:
        return False
    raise ValueError(text)


_CONVERSIONS: Final[Mapping[str, Callable[[str], Value]]] = {"str": str, "float": float, "int": int, "bool": _to_bool}
