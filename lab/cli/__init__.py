"""The command `lab`: arguments in, exit code out."""

from lab.cli.app import main

__all__ = ["main"]
