"""Commands for the lab's rights in a cluster."""

from typing import Annotated, Final

import typer

from lab.targets.kubernetes.rendering.rbac import render_rbac

DEFAULT_NAMESPACE: Final = "testbed"
DEFAULT_USER: Final = "lab-user"


def print_(
    *,
    namespace: Annotated[str, typer.Option(help="Where the lab may work.")] = DEFAULT_NAMESPACE,
    user: Annotated[str, typer.Option(help="The user or group that runs the lab.")] = DEFAULT_USER,
    faults: Annotated[bool, typer.Option(help="Whether the lab may kill a service's process (pods/exec).")] = True,
) -> None:
    """Print what a cluster's administrator applies once: lab rbac print | kubectl apply -f -."""
    typer.echo(render_rbac(namespace=namespace, user=user, faults=faults), nl=False)
