"""Renders the stack that settings describe, with its credentials."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from lab.images.access import registry_access
from lab.images.lock import locked_images
from lab.images.pull_secret import pull_secret
from lab.settings import LabSettings
from lab.targets.kubernetes.credentials.credentials import names_of, provide_credentials
from lab.targets.kubernetes.objects import KubeObject
from lab.targets.kubernetes.rendering.collector import find_collector, validate_collector
from lab.targets.kubernetes.rendering.from_settings import StackInputs, request_of
from lab.targets.kubernetes.rendering.render import render
from lab.targets.port import StackRequest
from lab.targets.service_settings import chosen_settings


class RenderStack(Protocol):
    """Renders a stack; satisfied by `render_stack`."""

    def __call__(
        self, settings: LabSettings, request: StackRequest, *, credentials: Path, nodes: Sequence[str]
    ) -> Sequence[KubeObject]:
        """Return every object to apply, in order; make credentials where there are none yet.

        Args:
            settings: Where store and metrics server are, which images run, and where.
            request: Settings of services, and the architecture that handles events.
            credentials: Folder of the stack's credentials.
            nodes: Addresses of nodes that callers outside the cluster use.

        Raises:
            BadConfig: The stack would not run.
        """


def render_stack(
    settings: LabSettings, request: StackRequest, *, credentials: Path, nodes: Sequence[str]
) -> Sequence[KubeObject]:
    """Render every object of a stack, as `RenderStack` says.

    A collector on this machine, where there is one, validates the configuration of the cluster's collector.
    """
    names = (*names_of(settings.namespace), *nodes)
    inputs = StackInputs(
        locked_images(settings.project),
        provide_credentials(credentials, names, now=datetime.now(UTC)),
        pull_secret(registry_access(settings)) if settings.registry_user else "",
        chosen_settings(request.settings),
        request.architecture,
    )
    objects = render(request_of(settings, inputs))
    if collector := find_collector(settings):
        validate_collector(objects, collector)
    return objects
