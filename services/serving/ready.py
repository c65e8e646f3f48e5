"""Writes the ready file, which tells the process's starter where it serves."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Ready:
    """Contents of a ready file. Addresses are host:port, or empty."""

    service: str
    pid: int
    instance_id: str
    grpc: str
    health: str
    metrics: str
    version: str


def write_ready(path: Path, ready: Ready) -> None:
    """Write the file atomically: a reader sees all of it or nothing."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    draft.write_text(json.dumps(asdict(ready)))
    draft.replace(path)
