"""Tells what a stack runs with beside its settings: where metrics go, which code runs."""

import hashlib
import importlib.util
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from lab.errors import BadConfig
from lab.settings import inherited_environment, is_set
from lab.snapshots.telemetry_variables import (
    EXPORTER,
    METRICS_PUSHED_TO,
    PUSHED_TO,
    SCRAPED_HOST,
    SCRAPED_PORT,
    not_scraped,
)

SCRAPED_ON_A_FREE_PORT: Final[Mapping[str, str]] = {SCRAPED_HOST: "127.0.0.1", SCRAPED_PORT: "0"}
"""Variables of a service that is scraped, unless the user's own variables differ."""
HASH_CHARACTERS: Final = 12
CODE: Final = ("*.py", "*.lua")
"""Files of the services that decide what a service does."""


def telemetry_environment() -> dict[str, str]:
    """Return variables that expose metrics on a free port, unless the user's own variables differ (D7)."""
    exporter = {} if is_set(PUSHED_TO, METRICS_PUSHED_TO) else {EXPORTER: "prometheus"}
    return {name: value for name, value in {**SCRAPED_ON_A_FREE_PORT, **exporter}.items() if not is_set(name)}


def refuse_unscraped() -> None:
    """Raise where a variable of the user's shell keeps the services from being scraped by a Prometheus of the lab.

    Raises:
        BadConfig: The message names the variable.
    """
    elsewhere = not_scraped(inherited_environment())
    if elsewhere is not None:
        raise BadConfig(
            f"a run needs metrics, which {elsewhere.variable} keeps from the lab's Prometheus",
            found=elsewhere.why,
            next_step=f"unset {elsewhere.variable}      (or LAB_PROMETHEUS_URL=… where they arrive)",
            code="NO_TELEMETRY",
        )


def config_hash(services: Mapping[str, str]) -> str:
    """Return twelve characters that change with the services' settings, with Python and with the services' code.

    Args:
        services: Settings of services by environment name.
    """
    digest = hashlib.sha256(json.dumps([dict(services), telemetry_environment()], sort_keys=True).encode())
    digest.update(sys.version.encode())
    package = importlib.util.find_spec("services")
    for root in sorted(package.submodule_search_locations or ()) if package else ():
        for path in sorted(path for pattern in CODE for path in Path(root).rglob(pattern)):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:HASH_CHARACTERS]
