"""The command `lab`: arguments in, exit code out."""

from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    from lab.cli.app import run  # noqa: PLC0415  so that `import lab.cli` stays light

    return run(arguments)
