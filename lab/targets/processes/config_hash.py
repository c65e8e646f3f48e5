"""Hashes what the services of a stack run with."""

import hashlib
import importlib.util
import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from lab.settings import inherited_environment
from lab.targets.processes.metrics.destination import telemetry_environment

HASH_CHARACTERS: Final = 12
CODE: Final = ("*.py", "*.lua")
"""Files of the services that decide what a service does."""
PACKAGE: Final = "services"


def config_hash(services: Mapping[str, str], *, telemetry: Mapping[str, str], roots: Iterable[Path]) -> str:
    """Return twelve characters that change with the variables of the services, with Python and with the code.

    Args:
        services: Settings of services by environment name.
        telemetry: Variables that decide where metrics go.
        roots: Folders of the services' code.
    """
    digest = hashlib.sha256(json.dumps([dict(services), dict(telemetry)], sort_keys=True).encode())
    digest.update(sys.version.encode())
    for root in roots:
        for path in sorted(path for pattern in CODE for path in root.rglob(pattern)):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:HASH_CHARACTERS]


def config_hash_here(services: Mapping[str, str]) -> str:
    """Return the hash of a stack that would be started now, from this shell and from this installation."""
    telemetry = telemetry_environment(inherited_environment())
    return config_hash(services, telemetry=telemetry, roots=installed_code())


def installed_code() -> tuple[Path, ...]:
    """Return the folders of the services' package in this installation."""
    package = importlib.util.find_spec(PACKAGE)
    return tuple(sorted(map(Path, package.submodule_search_locations or ()))) if package else ()
