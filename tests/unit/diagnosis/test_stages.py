"""Metrics that do not arrive while everything runs: the first hop that is silent, each service for itself."""

from dataclasses import replace

import pytest

from lab.diagnosis.diagnose import diagnose
from lab.snapshots.probes import CollectorProbe
from tests.unit.diagnosis.builders import NAMESPACE, pod, with_log, with_probes
from tests.unit.diagnosis.cases import prometheus_says


@pytest.mark.parametrize(
    ("counts", "stage"),
    [
        (CollectorProbe(received=0, sent=0, failed=0), "exporting"),
        (CollectorProbe(received=900, sent=0, failed=0), "the collector"),
        (CollectorProbe(received=900, sent=0, failed=900), "remote write"),
        (CollectorProbe(received=900, sent=900, failed=0), "the query"),
    ],
)
def test_the_first_silent_hop_is_named(counts: CollectorProbe, stage: str) -> None:
    """By what the collector counted."""
    found = diagnose(with_probes(prometheus_says(), collector=counts))
    assert {(one.cause, one.title.partition("stage is ")[2]) for one in found} == {("running-no-metrics", stage)}


def test_each_service_has_its_own_silent_stage() -> None:
    """One exports nothing, another sends to where nobody listens; what others send arrives."""
    said = "Failed to export metrics to otel-collecter:4317, error code: StatusCode.UNAVAILABLE"
    others, name = pod("query-api", "amd64"), "OTEL_EXPORTER_OTLP_ENDPOINT"
    others["spec"]["containers"][0]["env"] = [{"name": name, "value": "http://otel-collecter:4317"}]
    here = with_log(with_probes(prometheus_says(), collector=CollectorProbe(900, 900, 0)), others, said)
    quiet = replace(here, objects=replace(here.objects, pods=(pod(), others, pod("ingest-api", "amd64"))))
    assert quiet.probes.prometheus is not None
    heard = tuple(
        replace(one, at=here.taken_at) if one.metric.startswith("ingest") else one
        for one in quiet.probes.prometheus.samples or ()
    )
    found = diagnose(with_probes(quiet, prometheus=replace(quiet.probes.prometheus, samples=heard)))
    stages = {one.object.rpartition("/")[2]: one.title.rpartition("stage is ")[2] for one in found}
    assert stages == {"process-worker-arm64": "exporting", "query-api-amd64": "the collector"}
    assert [one.do for one in found if one.object.endswith("query-api-amd64")] == [
        f"kubectl -n {NAMESPACE} set env deployment/query-api-amd64 {name}=http://otel-collector:4317"
    ]


def test_a_lab_that_asks_another_server_than_the_collector_writes_to() -> None:
    """Both are named; the next step makes them one."""
    configured = {
        "metadata": {"name": "otel-collector"},
        "data": {"config.yaml": "endpoint: http://198.18.0.9:9090/api/v1/write"},
    }
    here = with_probes(prometheus_says(), collector=CollectorProbe(received=900, sent=900, failed=0))
    here = replace(here, objects=replace(here.objects, config_maps=(configured,)))
    found = diagnose(here)
    assert found
    assert {one.do for one in found} == {f"lab up --target kubernetes --namespace {NAMESPACE} --force"}
    assert all("writes to http://198.18.0.9:9090, the lab asks http://198.18.0.1:9090" in one.why for one in found)


def test_a_process_that_cannot_reach_the_collector_says_so() -> None:
    """Its exporter's log tells it from one that exports nothing."""
    said = "Failed to export metrics to otel-collector:4317, error code: StatusCode.UNAVAILABLE"
    here = with_probes(prometheus_says(), collector=CollectorProbe(0, 0, 0))
    here = replace(with_log(here, pod(), said), objects=replace(here.objects, pods=(pod(),)))
    [found] = diagnose(here)
    assert found.title.endswith("stage is the collector")
