"""The metrics server scrapes every service at the address that the service has at the moment."""

import json
from pathlib import Path

from lab.targets.processes.metrics.scraping import scrape_config, write_targets
from lab.targets.processes.state import ProgramState


def test_every_service_is_a_job_that_reads_its_own_file(tmp_path: Path) -> None:
    """The labels that a service gives itself are kept, and no scrape runs into the next."""
    config = scrape_config(("ingest-api", "simulator"), tmp_path)
    assert config.count("job_name: lab/") == config.count("honor_labels: true") == 2
    for service in ("ingest-api", "simulator"):
        assert f'- files: ["{tmp_path / service}.json"]' in config
    assert "scrape_interval: 1s\n  scrape_timeout: 900ms" in config


def test_a_program_that_is_ready_again_is_scraped_at_its_new_address(tmp_path: Path) -> None:
    """The old address is replaced."""
    for address in ("127.0.0.1:1", "127.0.0.1:2"):
        write_targets(str(tmp_path), ProgramState("ingest-api", "ready", addresses={"metrics": address}))
    assert json.loads((tmp_path / "ingest-api.json").read_text()) == [{"targets": ["127.0.0.1:2"]}]


def test_what_has_no_metrics_address_is_not_scraped(tmp_path: Path) -> None:
    """Nor is anything where the plan names no folder."""
    write_targets(str(tmp_path), ProgramState("redis", "ready"))
    write_targets("", ProgramState("ingest-api", "ready", addresses={"metrics": "127.0.0.1:1"}))
    assert list(tmp_path.iterdir()) == []
