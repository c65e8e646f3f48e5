"""Every setting is read somewhere, and so has an effect."""

import re
from pathlib import Path
from typing import Final

import pytest
from pydantic_settings import BaseSettings

from lab.settings import LabSettings
from services.bootstrap.settings import BootstrapSettings
from services.ingest_api.settings import IngestSettings
from services.process_worker.settings import WorkerSettings
from services.query_api.settings import QuerySettings
from services.simulator.settings import SimulatorSettings
from services.telemetry.settings import TelemetrySettings

PROJECT: Final = Path(__file__).parents[2]
KINDS: Final[dict[type[BaseSettings], tuple[str, ...]]] = {
    LabSettings: ("lab",),
    BootstrapSettings: ("services/bootstrap", "services/ledger"),
    IngestSettings: ("services/ingest_api", "services/serving", "services/ledger"),
    WorkerSettings: ("services/process_worker", "services/serving", "services/ledger"),
    QuerySettings: ("services/query_api", "services/serving", "services/ledger"),
    SimulatorSettings: ("services/simulator", "services/serving"),
    TelemetrySettings: ("services/telemetry",),
}
"""Settings of a program → the packages that make up the program."""


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_setting_is_read(kind: type[BaseSettings]) -> None:
    """The program that has the setting reads it by name."""
    files = (path for part in KINDS[kind] for path in (PROJECT / part).rglob("*.py"))
    code = "\n".join(path.read_text(encoding="utf-8") for path in files)
    unread = [name for name in kind.model_fields if not re.search(rf"\.{name}\b", code)]
    assert unread == []
