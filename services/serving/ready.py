"""Tells whoever started this process that it serves, and where."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Ready:
    """What a ready file says; addresses are host:port, empty where there is none."""

    service: str
    pid: int
    instance_id: str
    grpc: str
    health: str
    metrics: str
    version: str


def write_ready(path: Path, ready: Ready) -> None:
    """Put the file in place whole: a reader sees all of it or none."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    draft.write_text(json.dumps(asdict(ready)))
    draft.replace(path)
