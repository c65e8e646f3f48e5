"""Commands for the lab's rights in a cluster."""

from typing import Annotated, Final

import typer

from lab.settings import load_settings
from lab.wiring import RBAC

DEFAULT_USER: Final = "lab-user"


def print_(
    *,
    namespace: Annotated[str, typer.Option(help="Where the lab may work; the configured one unless given.")] = "",
    user: Annotated[str, typer.Option(help="The user or group that runs the lab.")] = DEFAULT_USER,
    faults: Annotated[bool, typer.Option(help="Whether the lab may kill a service's process (pods/exec).")] = True,
) -> None:
    """Print what a cluster's administrator applies once: lab rbac print | kubectl apply -f -."""
    settings = load_settings(namespace=namespace or None)
    print(RBAC.load()(namespace=settings.namespace, user=user, faults=faults), end="")
