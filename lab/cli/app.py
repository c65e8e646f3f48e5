"""The shell of every command: groups, errors as text, exit codes."""

import sys
import traceback
from collections.abc import Sequence
from typing import Annotated, Any, Final

import typer

from lab.cli import diagnosis, images, machine, measure, rbac, stack
from lab.errors import LabError, UsageFault

EX_INTERRUPTED: Final = 130
# Typer brings click along or depends on it, by its version; either way its own errors descend from this one.
USAGE_ERROR: Final[Any] = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")
HELP: Final = "Experiments on a distributed system, with answers that can be defended."


def run(arguments: Sequence[str] | None) -> int:
    """Run one command; errors are at most five lines on stderr, with a traceback only for `--debug`."""
    words = measure.joined_parameters(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    try:
        code = typer.main.get_command(build())(words, prog_name="lab", standalone_mode=False)
    except USAGE_ERROR as error:
        return _fail(UsageFault(error.format_message(), next_step="lab --help"), debug=debug)
    except (typer.Abort, KeyboardInterrupt):
        print("lab: interrupted", file=sys.stderr)
        return EX_INTERRUPTED
    except LabError as error:
        return _fail(error, debug=debug)
    except BrokenPipeError:
        return 0
    return code if isinstance(code, int) else 0


def build() -> typer.Typer:
    """The application with all its commands, grouped as people work."""
    app = typer.Typer(help=HELP, no_args_is_help=True, pretty_exceptions_enable=False)
    app.callback()(_options)
    app.command("run", rich_help_panel="measure")(measure.run)
    app.add_typer(measure.runs, name="runs", rich_help_panel="measure")
    app.command("up", rich_help_panel="stack")(stack.up)
    app.command("status", rich_help_panel="stack")(stack.status)
    app.command("logs", rich_help_panel="stack")(stack.logs)
    app.command("open", rich_help_panel="stack")(stack.open_)
    app.add_typer(stack.dead, name="dead", rich_help_panel="stack")
    app.command("down", rich_help_panel="stack")(stack.down)
    app.add_typer(images.images, name="images", rich_help_panel="kubernetes")
    app.add_typer(images.registry, name="registry", rich_help_panel="kubernetes")
    app.add_typer(rbac.rbac, name="rbac", rich_help_panel="kubernetes")
    app.command("diagnose", rich_help_panel="kubernetes")(diagnosis.diagnose)
    app.command("doctor", rich_help_panel="machine")(machine.doctor)
    app.add_typer(machine.config, name="config", rich_help_panel="machine")
    app.command("clean", rich_help_panel="machine")(machine.clean)
    return app


def _options(
    *, debug: Annotated[bool, typer.Option("--debug", help="Show the traceback below an error.")] = False
) -> None:
    """See `HELP`; `--debug` is read before the command is."""


def _fail(error: LabError, *, debug: bool) -> int:
    """Show what was attempted, what was found, what to do."""
    print(f"lab: {error}      (exit {error.exit_code})", file=sys.stderr)
    if debug:
        traceback.print_exception(error, file=sys.stderr)
    return error.exit_code
