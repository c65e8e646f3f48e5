"""Finds the variable that keeps a service from being scraped."""

from collections.abc import Mapping
from typing import NamedTuple

from lab.snapshots.telemetry_variables import DISABLED, EXPORTER, METRICS_PUSHED_TO, PUSHED_TO


class Elsewhere(NamedTuple):
    """A variable that keeps metrics from being scraped, and how."""

    variable: str
    why: str


def not_scraped(variables: Mapping[str, str]) -> Elsewhere | None:
    """Return the variable that keeps a service from being scraped; None where none does.

    >>> not_scraped({EXPORTER: "none"})
    Elsewhere(variable='OTEL_METRICS_EXPORTER', why='OTEL_METRICS_EXPORTER is none: the service is not scraped')
    """
    if variables.get(DISABLED, "").lower() == "true":
        return Elsewhere(DISABLED, f"{DISABLED} is true: the service records nothing")
    exporter = variables.get(EXPORTER, "")
    if exporter == "prometheus":
        return None
    if exporter:
        return Elsewhere(EXPORTER, f"{EXPORTER} is {exporter}: the service is not scraped")
    endpoint = next((name for name in (METRICS_PUSHED_TO, PUSHED_TO) if variables.get(name)), "")
    return Elsewhere(endpoint, f"{endpoint} is set: the service pushes there, and is not scraped") if endpoint else None
