"""Tells Prometheus which services to scrape: each service is a job, whose address is in a file."""

import json
from pathlib import Path
from typing import Final

from lab.files import write_text
from lab.targets.processes.state import ProgramState

CONFIG: Final = """\
global:
  scrape_interval: 1s
  scrape_timeout: 900ms
scrape_configs:
"""
JOB: Final = """\
  - job_name: lab/{service}
    honor_labels: true
    file_sd_configs:
      - files: ["{file}"]
"""


def scrape_config(services: tuple[str, ...], targets: Path) -> str:
    """Return a configuration that scrapes every service once a second and keeps the labels of the service.

    The timeout is just below the interval: a slow scrape is late but not lost, and never overlaps the next.
    """
    return CONFIG + "".join(JOB.format(service=service, file=targets / f"{service}.json") for service in services)


def write_targets(folder: str, state: ProgramState) -> None:
    """Write the metrics address of a program that has just become ready, if the program has such an address."""
    address = state.addresses.get("metrics")
    if folder and address:
        write_text(Path(folder) / f"{state.name}.json", json.dumps([{"targets": [address]}]))
