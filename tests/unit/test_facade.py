"""`lab` offers every name that a notebook may use, whether it is loaded yet or not."""

import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest

import lab
from lab.facade import showing
from lab.model import Trial
from tests.unit import trials


def test_every_name_can_be_used_and_completed() -> None:
    """Jupyter completes what `dir` lists."""
    assert dir(lab) == sorted(lab.__all__)
    assert [name for name in dir(lab) if getattr(lab, name, None) is None] == []


def test_names_that_are_not_loaded_yet_are_completed() -> None:
    """A newcomer looks for `run` before the first run."""
    listed = "import sys, lab; print(*dir(lab)); print('pandas' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", listed], capture_output=True, text=True, check=True, timeout=60)
    names, loaded = done.stdout.splitlines()
    assert {"run", "query", "figures", "load"} <= set(names.split())
    assert loaded == "False"


def test_a_name_that_there_is_not_is_an_attribute_error() -> None:
    """As of any other module."""
    with pytest.raises(AttributeError, match="module 'lab' has no attribute 'runs_all'"):
        _ = lab.runs_all


class FakeFormatter(dict[type, Any]):
    """Remembers how a type is shown."""

    def for_type(self, kind: type, show: Any) -> None:
        """Show values of a type in this way."""
        self[kind] = show


def shell_with(formatters: dict[str, FakeFormatter] | None) -> Any:
    """Return a shell of IPython, with or without a display."""
    formatter = None if formatters is None else SimpleNamespace(formatters=formatters)
    return SimpleNamespace(display_formatter=formatter)


def test_a_notebook_shows_a_trial_as_its_card() -> None:
    """HTML in a notebook, text in a terminal."""
    formatters = {"text/html": FakeFormatter(), "text/plain": FakeFormatter()}
    showing.show_as_cards(shell_with(formatters))
    printed: list[str] = []
    assert trials.trial().run_id in formatters["text/html"][Trial](trials.trial())
    formatters["text/plain"][Trial](trials.trial(), SimpleNamespace(text=printed.append), _cycle=False)
    assert trials.trial().run_id in printed[0]


def test_a_shell_without_a_display_is_left_alone() -> None:
    """Nothing is shown there."""
    shell = shell_with(None)
    showing.show_as_cards(shell)
    assert shell.display_formatter is None
