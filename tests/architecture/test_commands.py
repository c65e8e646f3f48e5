"""The commands of the Makefile are listed by `make help`, and what they set reaches the tests."""

import re
import subprocess

from tests.architecture.tools import PROJECT
from tests.settings import OF_TESTS


def test_make_help_lists_every_target() -> None:
    """A target that is not listed is not used."""
    listed = subprocess.run(["make", "help"], cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    phony = re.search(r"^\.PHONY: (.*)$", (PROJECT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert phony is not None
    missing = [name for name in phony.group(1).split() if f"make {name}" not in listed]
    assert missing == ["servers"], "`make servers` is for the tests only"


def test_every_variable_of_a_command_reaches_the_tests() -> None:
    """Tests forget all other settings of the lab; half an hour of load once lasted 20 seconds for that reason."""
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    assert set(re.findall(r"\b(LAB_[A-Z_]+)=", makefile)) <= OF_TESTS
