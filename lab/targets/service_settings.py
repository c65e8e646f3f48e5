"""Settings of services: those of the user's environment, then those of a request."""

from collections.abc import Mapping
from typing import Final

from lab.errors import UsageFault
from lab.settings import service_settings

PREFIXES: Final = ("LAB_", "OTEL_", "GRPC_", "MALLOC_", "PYTHON")


def chosen_settings(requested: Mapping[str, str]) -> dict[str, str]:
    """Return the settings that services get; those of the request win.

    Raises:
        UsageFault: A name is not one of a service's variables.
    """
    for name in requested:
        if not name.startswith(PREFIXES):
            raise UsageFault(
                f'"{name}" is not a setting of a service', next_step='name its variable: "LAB_WORKER_COST_US"'
            )
    return service_settings() | dict(requested)
