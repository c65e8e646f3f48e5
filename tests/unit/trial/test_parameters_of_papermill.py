"""Values that papermill reads from YAML and puts into a notebook: a wrong value is named before anything starts.

`tests/behaviour/test_papermill.py` shows the same with papermill's own process.
"""

from pathlib import Path
from typing import Final

import pytest
from papermill.iorw import load_notebook_node, read_yaml_file
from papermill.parameterize import parameterize_notebook

from lab.errors import UsageFault
from lab.settings import environment_with

BASELINE: Final = Path(__file__).parents[3] / "notebooks" / "10_baseline.ipynb"


def carry_out(folder: Path, content: str) -> None:
    """Run the code of the baseline, with the parameters of a YAML file, in this process."""
    file = folder / "parameters.yaml"
    file.write_text(f"{content}\n")
    notebook = parameterize_notebook(load_notebook_node(str(BASELINE)), read_yaml_file(str(file)))
    names: dict[str, object] = {}
    with environment_with(LAB_RUNS_DIR=str(folder / "runs"), LAB_STATE_DIR=str(folder / "state")):
        for cell in notebook.cells:
            if cell.cell_type == "code":
                exec(cell.source, names)  # noqa: S102  the code of our own notebook


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("p99_ms: 5e3", "below_ms: '5e3' is a text, not a number"),
        ("source: off", "source: False is a truth value, not a text"),
        ("duration: 2026-11-20", "duration: '2026-11-20' is a text, not a number"),
        ("duration: .nan", "duration: nan is not a finite number"),
        ("warm_up: -3", "warm_up: -3 must be at least 0"),
        ("duration: 0", "duration: 0 must be above 0"),
        ("p99_ms: .inf", "below_ms: inf is not a finite number"),
        ("duration: ~", "duration: None is nothing, not a number"),
    ],
)
def test_a_value_of_the_wrong_kind_is_named_with_its_parameter(tmp_path: Path, content: str, words: str) -> None:
    """In one line; YAML has its own ideas of what a number is."""
    with pytest.raises(UsageFault) as fault:
        carry_out(tmp_path, content)
    assert str(fault.value) == words
    assert [path.name for path in tmp_path.iterdir()] == ["parameters.yaml"]
