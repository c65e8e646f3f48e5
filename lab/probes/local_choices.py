"""Tells what is chosen for a stack on this machine, by the settings or the user's shell."""

from lab.probes.startable_programs import can_fetch
from lab.settings import LabSettings, inherited_environment, service_settings
from lab.snapshots.choices import SettingsProbe
from lab.snapshots.telemetry_variables import LEADING


def choices_here(settings: LabSettings) -> SettingsProbe:
    """Return what the settings and the user's shell choose for a stack on this machine."""
    environment = inherited_environment()
    telemetry = {name: environment[name] for name in LEADING if environment.get(name)}
    return SettingsProbe(
        store="outside" if settings.redis_url else "inside",
        redis_url=settings.redis_url,
        redis_server=settings.redis_server,
        prometheus="outside" if settings.prometheus_url else "inside",
        prometheus_url=settings.prometheus_url,
        prometheus_program=str(settings.prometheus or ""),
        fetches=can_fetch(),
        environment={**service_settings(), **telemetry},
    )
