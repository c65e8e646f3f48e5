"""Decides where the services of a stack send their metrics (D7)."""

from collections.abc import Mapping
from typing import Final

from lab.errors import BadConfig
from lab.snapshots.telemetry_variables import EXPORTER, METRICS_PUSHED_TO, PUSHED_TO, SCRAPED_HOST, SCRAPED_PORT
from lab.snapshots.unscraped import not_scraped

SCRAPED_ON_A_FREE_PORT: Final[Mapping[str, str]] = {SCRAPED_HOST: "127.0.0.1", SCRAPED_PORT: "0"}
"""Variables of a service that is scraped, unless the user's own variables differ."""


def telemetry_environment(inherited: Mapping[str, str]) -> dict[str, str]:
    """Return variables that expose metrics on a free port, unless the user's own variables differ.

    Args:
        inherited: Variables that the services inherit from the user's shell; an empty variable counts as not set.

    >>> telemetry_environment({SCRAPED_PORT: "9464", PUSHED_TO: "http://127.0.0.1:4317"})
    {'OTEL_EXPORTER_PROMETHEUS_HOST': '127.0.0.1'}
    """
    is_pushed = any(inherited.get(name) for name in (PUSHED_TO, METRICS_PUSHED_TO))
    exporter = {} if is_pushed else {EXPORTER: "prometheus"}
    return {name: value for name, value in {**SCRAPED_ON_A_FREE_PORT, **exporter}.items() if not inherited.get(name)}


def refuse_unscraped(inherited: Mapping[str, str]) -> None:
    """Raise where a variable of the user's shell keeps the services from being scraped by a Prometheus of the lab.

    Args:
        inherited: Variables that the services inherit from the user's shell.

    Raises:
        BadConfig: The message names the variable.
    """
    elsewhere = not_scraped(inherited)
    if elsewhere is not None:
        raise BadConfig(
            f"a run needs metrics, which {elsewhere.variable} keeps from the lab's Prometheus",
            found=elsewhere.why,
            next_step=f"unset {elsewhere.variable}      (or LAB_PROMETHEUS_URL=… where they arrive)",
            code="NO_TELEMETRY",
        )
