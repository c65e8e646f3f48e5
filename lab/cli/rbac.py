"""Commands for a cluster: what the lab may do there."""

from typing import Annotated, Final

import typer

DEFAULT_NAMESPACE: Final = "testbed"
DEFAULT_USER: Final = "lab-user"

rbac = typer.Typer(help="Show what the lab may do in a cluster.", no_args_is_help=True)


@rbac.command("print")
def rbac_print(
    *,
    namespace: Annotated[str, typer.Option(help="Where the lab may work.")] = DEFAULT_NAMESPACE,
    user: Annotated[str, typer.Option(help="The user or group that runs it.")] = DEFAULT_USER,
    faults: Annotated[bool, typer.Option(help="Whether it may kill a service's process (pods/exec).")] = True,
) -> None:
    """Print what a cluster's administrator applies once: lab rbac print | kubectl apply -f -."""
    from lab.targets.kubernetes.rendering.render import render_rbac  # noqa: PLC0415 - heavy

    typer.echo(render_rbac(namespace=namespace, user=user, faults=faults), nl=False)
