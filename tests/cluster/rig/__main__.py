"""`python -m tests.cluster.rig build|up|down|status`: controls the rig by hand."""

import sys
import time
from collections.abc import Callable, Mapping
from typing import Final

from lab.errors import LabError, Unavailable
from lab.settings import load_settings
from tests.cluster.rig import requirements
from tests.cluster.rig.programs import build_programs
from tests.cluster.rig.rig import Rig

EX_USAGE: Final = 64


def say(what: str, seconds: float) -> None:
    """Print a line for a stage."""
    print(f"  rig           {what:<58} {seconds:4.0f} s", flush=True)  # the format of the Makefile's stages


def build() -> None:
    """Build the rig's programs that are not built yet."""
    if lacks := requirements.missing():
        raise Unavailable(lacks)
    print(f"  rig           programs in {build_programs(load_settings().cache_dir, say)}")


def up() -> None:
    """Bring the rig up; it stays up until `down`."""
    build()
    facts = Rig(progress=say).up()
    print(f"  export KUBECONFIG={facts.kubeconfig}")
    print(f"  registry {facts.registry} (plain HTTP); take it down with: make cluster-down")


def down() -> None:
    """Take the rig down."""
    started = time.monotonic()
    Rig().down()
    say("down, nothing left", time.monotonic() - started)


def status() -> None:
    """Print the parts of a rig that are on this machine."""
    rig = Rig()
    print("\n".join([f"kept {rig.is_kept}", *rig.leftovers()]))


COMMANDS: Final[Mapping[str, Callable[[], None]]] = {command.__name__: command for command in (build, up, down, status)}


def main(arguments: list[str]) -> int:
    """Run a command; return its exit code."""
    if len(arguments) != 1 or arguments[0] not in COMMANDS:
        print(f"usage: python -m tests.cluster.rig {'|'.join(COMMANDS)}", file=sys.stderr)
        return EX_USAGE
    try:
        COMMANDS[arguments[0]]()
    except LabError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
