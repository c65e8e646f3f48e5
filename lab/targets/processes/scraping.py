"""What Prometheus is told to scrape: one job per service, its address in a file that may change."""

import json
from pathlib import Path

from lab.files import write_text
from lab.targets.processes.state import ProgramState

TARGETS = "targets"
CONFIG = """\
global:
  scrape_interval: 1s
  scrape_timeout: 900ms
scrape_configs:
"""
JOB = """\
  - job_name: lab/{service}
    honor_labels: true
    file_sd_configs:
      - files: ["{file}"]
"""


def config(services: tuple[str, ...], targets: Path) -> str:
    """A configuration that scrapes every service once a second and keeps the labels a service gives itself.

    A timeout just below the interval: a slow scrape is late, not lost, and never overlaps the next.
    """
    return CONFIG + "".join(JOB.format(service=service, file=targets / f"{service}.json") for service in services)


def write_targets(folder: str, state: ProgramState) -> None:
    """Tell Prometheus where a program that just became ready shows its metrics, if it does."""
    address = state.addresses.get("metrics")
    if folder and address:
        write_text(Path(folder) / f"{state.name}.json", json.dumps([{"targets": [address]}]))
