"""Groups of commands that are loaded when they are called; their help comes from a table."""

from collections.abc import Mapping
from pkgutil import resolve_name
from typing import Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup


class Command(NamedTuple):
    """A command: its function as text, the first line of the function's docstring, its panel in the help."""

    entry: str
    help: str
    panel: str = ""


class Group(NamedTuple):
    """Commands below a common name."""

    commands: Mapping[str, Command]
    help: str
    panel: str = ""


Table = Mapping[str, Command | Group]


class StandIn(TyperCommand):
    """Shows a command in the help of its group, and loads the command itself.

    Args:
        name: The command's name.
        command: Its row of the table.
    """

    def __init__(self, name: str, command: Command) -> None:
        super().__init__(name, help=command.help, rich_help_panel=command.panel or None)
        self._entry = command.entry

    def load(self) -> Any:  # noqa: ANN401  a command of click, which typer brings along or depends on
        """Import the module of the command, and return the command."""
        alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        alone.command(self.name)(resolve_name(self._entry))
        return typer.main.get_command(alone)


class CarriedError(Exception):
    """Carries an error of a command past Typer, which has exit codes of its own for interrupts and for closed pipes.

    Args:
        error: The error.
    """

    def __init__(self, error: KeyboardInterrupt | OSError) -> None:
        super().__init__(str(error))
        self.error = error


class LazyGroup(TyperGroup):
    """Loads only the command that is called; without a command it shows its help."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401  as above
        """Read the arguments; where there are none, those for the help."""
        # Typer's own `no_args_is_help` raises an error. Its text is empty, or the whole help where rich is not used.
        return super().parse_args(ctx, args if args or ctx.resilient_parsing else ["--help"])

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401  as above
        """Run the command.

        Raises:
            CarriedError: An interrupt or an OSError ended the command.
        """
        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, OSError) as error:
            raise CarriedError(error) from error

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:  # noqa: ANN401  as above
        """Return the name of the called command, the command, and the arguments after it."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, command.load() if isinstance(command, StandIn) else command, rest


def commands_of(table: Table) -> dict[str, TyperCommand | TyperGroup]:
    """Return a stand-in for every command of a table."""
    return {name: _group(name, row) if isinstance(row, Group) else StandIn(name, row) for name, row in table.items()}


def _group(name: str, group: Group) -> LazyGroup:
    return LazyGroup(
        name=name,
        commands=dict(commands_of(group.commands)),
        help=group.help,
        rich_help_panel=group.panel or None,
    )
