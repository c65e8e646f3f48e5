"""A collector of today starts with the collector's configuration."""

import re
from pathlib import Path
from typing import Final

import pytest
import yaml

from lab.targets.kubernetes.objects import KubeObject, kube_object
from lab.targets.kubernetes.rendering.never_applied import removed_components
from tests.rendered.samples import planted, rendered

SAMPLES: Final = ("k3s", "k3s-scraped")
README: Final = Path(__file__).parents[5] / "manifests" / "README.md"
OLD: Final = ("  debug: {verbosity: basic}", "  logging: {}")
every_sample = pytest.mark.parametrize("sample", SAMPLES)


def configuration(sample: str) -> str:
    """Return the collector's configuration in a rendered sample."""
    config_maps = [item.body["data"] for item in rendered(sample) if item.kind == "ConfigMap"]
    texts = [data["config.yaml"] for data in config_maps if "config.yaml" in data]
    assert len(texts) == 1
    return str(texts[0])


@every_sample
def test_memory_is_limited_first_and_batches_come_last(sample: str) -> None:
    """In every pipeline. The collector's own counters are on its loopback and go into no pipeline."""
    service = yaml.safe_load(configuration(sample))["service"]
    assert {tuple(pipeline["processors"]) for pipeline in service["pipelines"].values()} == {
        ("memory_limiter", "batch")
    }
    [reader] = service["telemetry"]["metrics"]["readers"]
    assert reader["pull"]["exporter"]["prometheus"] == {"host": "127.0.0.1", "port": 8888}
    assert {name for pipeline in service["pipelines"].values() for name in pipeline["receivers"]} == {"otlp"}
    assert service["extensions"] == ["health_check"]


def test_the_scrape_in_the_readme_keeps_the_labels_of_processes() -> None:
    """It scrapes every second, from a port that the cluster chooses; the README says how to read that port."""
    text = README.read_text(encoding="utf-8")
    [example] = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    [job] = yaml.safe_load(example)["scrape_configs"]
    assert (job["honor_labels"], job["scrape_interval"]) == (True, "1s")
    [service] = [item for item in rendered("k3s-scraped") if item.name == "otel-collector-metrics"]
    [port] = service.body["spec"]["ports"]
    assert (service.body["spec"]["type"], port["port"], "nodePort" in port) == ("NodePort", 8889, False)
    assert f"get service {service.name} -o jsonpath='{{.spec.ports[0].nodePort}}'" in text


def test_a_removed_exporter_is_found_with_its_line() -> None:
    """Before anything is applied, without a collector on this machine."""

    def logging_again(body: dict[str, dict[str, str]]) -> None:
        body["data"]["config.yaml"] = body["data"]["config.yaml"].replace(*OLD)

    findings = list(removed_components(planted("ConfigMap", "otel-collector-", logging_again, sample="k3s")))
    line = configuration("k3s").splitlines().index(OLD[0]) + 1
    assert len(findings) == 1
    assert findings[0].endswith(f'config.yaml:{line}: exporters "logging" was removed; use debug')


@pytest.mark.parametrize("text", ["exporters: {logging: {}}\n", "exporters:\n  logging/2:\n    loglevel: debug\n"])
def test_a_removed_exporter_is_found_in_every_notation(text: str) -> None:
    """In one line, and with a name of its own."""
    assert len(list(removed_components([config_map(text)]))) == 1


def test_another_section_may_use_the_word() -> None:
    """A processor called `logging` is not an exporter."""
    assert list(removed_components([config_map("processors:\n  logging: {}\nexporters:\n  debug: {}\n")])) == []


def config_map(text: str) -> KubeObject:
    """Return a ConfigMap with a collector's configuration."""
    return kube_object(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "otel-collector"}, "data": {"config.yaml": text}}
    )
