"""Every command of the Makefile is listed by `make help`."""

import re
import subprocess

from tests.architecture.tools import PROJECT


def test_make_help_lists_every_target() -> None:
    """A target that is not listed is not used."""
    listed = subprocess.run(["make", "help"], cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    phony = re.search(r"^\.PHONY: (.*)$", (PROJECT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert phony is not None
    missing = [name for name in phony.group(1).split() if f"make {name}" not in listed]
    assert missing == ["servers"], "`make servers` is for the tests only"
