"""The shell of every command: the table of commands, errors as text, exit codes."""

import sys
import traceback
from collections.abc import Sequence
from typing import Annotated, Any, Final

import typer

from lab.cli.lazy import CarriedError, Command, Group, LazyGroup, Table, commands_of
from lab.cli.streams import Outlet, outlets
from lab.cli.unexpected import explained
from lab.errors import LabError, NotWritten, UsageFault
from lab.interrupts import exit_code_of, raised

EXIT_CODES: Final = {"MET": 0, "NOT_MET": 1, "INVALID": 2, "INCONCLUSIVE": 3}
"""Verdict → exit code. Where output is lost, 74 replaces these codes; any other code stays."""
# Some versions of Typer contain click, others depend on it; in both, click's errors descend from this class.
USAGE_ERROR: Final[Any] = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")
HELP: Final = "Experiments on a distributed system, with answers that can be defended."
RUNS: Final = {
    "list": Command("lab.cli.runs:list_", "The latest runs, newest first."),
    "show": Command("lab.cli.runs:show", "One run: verdict, figures, ledger."),
    "open": Command("lab.cli.runs:open_", "Open the report of a run, or say where it is."),
    "compare": Command("lab.cli.runs:compare", "Two runs side by side."),
    "prune": Command("lab.cli.runs:prune", "Remove old runs; running runs stay."),
}
DEAD: Final = {
    "list": Command("lab.cli.dead:list_", "All dead letters, each with its reason."),
    "replay": Command("lab.cli.dead:replay", "Put dead letters back into the stream."),
}
IMAGES: Final = {
    "base": Command("lab.cli.images:base", "Pin the base image by its digest of today, in docker-bake.json."),
    "build": Command("lab.cli.images:build", "Build for every platform, push, and write images.lock."),
    "resolve": Command(
        "lab.cli.images:resolve", "Ask the registry for one digest per architecture, and write images.lock."
    ),
    "check": Command(
        "lab.cli.images:check", "Prove images.lock: bytes, digests, configuration, and the machine code itself."
    ),
}
REGISTRY: Final = {
    "config": Command(
        "lab.cli.images:config", "Print buildkitd.toml, registries.yaml and hosts.toml, each with its place."
    ),
}
RBAC: Final = {
    "print": Command(
        "lab.cli.rbac:print_", "Print what a cluster's administrator applies once: lab rbac print | kubectl apply -f -."
    ),
}
CONFIG: Final = {
    "show": Command("lab.cli.machine:show", "Every setting with its value and its origin."),
}
TABLE: Final[Table] = {
    "run": Command(
        "lab.cli.run:run",
        "Run a notebook; the exit code tells the verdict, the worst of several runs.",
        "measure",
    ),
    "runs": Group(RUNS, "List, show, open, compare, prune runs.", "measure"),
    "up": Command("lab.cli.up:up", "Bring a stack up and leave it running.", "stack"),
    "status": Command(
        "lab.cli.status:status", "Address and health of every part of the stack, and the ledger.", "stack"
    ),
    "logs": Command(
        "lab.cli.logs:logs",
        "The log of a program of the stack; on a cluster, of a pod or of every pod of a service.",
        "stack",
    ),
    "open": Command("lab.cli.opening:open_", "Open a page in the browser, or say where it is.", "stack"),
    "down": Command("lab.cli.stack:down", "Take the stack down, with its data.", "stack"),
    "dead": Group(DEAD, "List or replay dead letters.", "stack"),
    "diagnose": Command("lab.cli.diagnosis:diagnose", "What is wrong with a stack, why, what to do.", "kubernetes"),
    "images": Group(IMAGES, "Build, resolve, check the services' images.", "kubernetes"),
    "registry": Group(REGISTRY, "Print how nodes and builder are configured.", "kubernetes"),
    "rbac": Group(RBAC, "Show what the lab may do in a cluster.", "kubernetes"),
    "doctor": Command(
        "lab.cli.diagnosis:doctor", "What a stack needs: what is there, what is missing, the next step.", "machine"
    ),
    "clean": Command(
        "lab.cli.machine:clean", "Remove this project's stack and fetched programs; runs stay.", "machine"
    ),
    "config": Group(CONFIG, "Show the lab's settings.", "machine"),
}
"""All commands, in the order of work."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; an error is at most five lines on stderr, unless `--debug` is given."""
    words = joined_parameters(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    with outlets() as output:
        code = _code_of([word for word in words if word != "--debug"], debug=debug)
        output.flush()
        return _fail(_lost(output), debug=debug) if output.is_lost and code in EXIT_CODES.values() else code


def application() -> Any:  # noqa: ANN401  a group of click, see `USAGE_ERROR`
    """Return the application with all its commands, none of them loaded."""
    app = typer.Typer(cls=LazyGroup, help=HELP, pretty_exceptions_enable=False)
    app.callback()(_options)
    group: Any = typer.main.get_command(app)
    group.commands.update(commands_of(TABLE))
    return group


def joined_parameters(words: Sequence[str]) -> list[str]:
    """Return the words with `-p NAME VALUE` as one word for each parameter, since an option takes one.

    A name whose value is missing stays alone, so that the command can refuse it.

    >>> joined_parameters(["run", "x.ipynb", "-p", "rate", "5", "--json"])
    ['run', 'x.ipynb', '-p', 'rate=5', '--json']
    >>> joined_parameters(["run", "x.ipynb", "-p", "path", "--json"])
    ['run', 'x.ipynb', '-p', 'path', '--json']
    """
    left, joined = list(words), []
    while left:
        word = left.pop(0)
        joined.append(word)
        if word in {"-p", "--parameter"} and left:
            name = left.pop(0)
            stands_alone = "=" in name or not left or left[0].startswith("--")
            joined.append(name if stands_alone else f"{name}={left.pop(0)}")
    return joined


def _code_of(words: Sequence[str], *, debug: bool) -> int:
    """Run one command and return its exit code, whatever happens: exit 1 means that objectives were not met."""
    try:
        with raised():
            code = application()(words, prog_name="lab", standalone_mode=False)
    except USAGE_ERROR as error:
        return _fail(UsageFault(error.format_message(), next_step="lab --help"), debug=debug)
    except CarriedError as carrier:
        return _code_of_error(carrier.error, debug=debug)
    except BaseException as error:  # noqa: BLE001  Python itself would exit with 1
        return _code_of_error(error, debug=debug)
    return code if isinstance(code, int) else 0


def _code_of_error(error: BaseException, *, debug: bool) -> int:
    """Show why a command ended, and return its exit code."""
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        print(f"lab: interrupted {error}".rstrip(), file=sys.stderr)
        return exit_code_of(error)
    fault = explained(error)
    if fault is not error:
        # The traceback shows where the unexpected error was raised.
        fault.__cause__ = error
    return _fail(fault, debug=debug)


def _lost(output: Outlet) -> LabError:
    """Return the error for a command whose output could not be written."""
    return NotWritten("cannot write to stdout", found=str(output.error), next_step="df -h      (room on the disk)")


def _options(
    *, debug: Annotated[bool, typer.Option("--debug", help="Show the traceback below an error.")] = False
) -> None:
    """Declare `--debug` for the help; `main` reads the option itself."""


def _fail(error: LabError, *, debug: bool) -> int:
    """Show the error, and return its exit code."""
    print(f"lab: {error}      (exit {error.exit_code})", file=sys.stderr)
    if debug:
        traceback.print_exception(error, file=sys.stderr)
    return error.exit_code
