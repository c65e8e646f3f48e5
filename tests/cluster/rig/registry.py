"""Starts the rig's plain-HTTP registry, which every node and the lab can reach."""

import json
from pathlib import Path
from typing import Final

from lab.files import write_text
from tests.cluster.rig.facts import REGISTRY
from tests.cluster.rig.processes import Processes

NAME: Final = "registry"


def start(processes: Processes, state: Path) -> None:
    """Start an empty registry."""
    config = {
        "version": 0.1,
        "log": {"level": "warn"},
        "storage": {"filesystem": {"rootdirectory": str(state / NAME)}, "delete": {"enabled": True}},
        "http": {"addr": REGISTRY},
    }
    write_text(state / "registry.yaml", json.dumps(config))
    processes.start(NAME, "docker-registry", "serve", str(state / "registry.yaml"))
