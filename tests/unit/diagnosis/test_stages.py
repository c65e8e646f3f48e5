"""Metrics that do not arrive while everything runs: the first silent stage, for each service on its own."""

from dataclasses import replace

import pytest

from lab.diagnosis.diagnose import diagnose
from lab.snapshots.answers import CollectorProbe
from tests.unit.diagnosis.builders import NAMESPACE, pod, with_log, with_objects, with_pod, with_probes
from tests.unit.diagnosis.cases import WORKER
from tests.unit.diagnosis.faulty import no_fresh_samples, workers_are_idle
from tests.unit.diagnosis.findings import only


@pytest.mark.parametrize(
    ("counts", "stage"),
    [
        (CollectorProbe(received=0, sent=0, failed=0), "exporting"),
        (CollectorProbe(received=900, sent=0, failed=0), "the collector"),
        (CollectorProbe(received=900, sent=0, failed=900), "remote write"),
        (CollectorProbe(received=900, sent=900, failed=0), "the query"),
    ],
)
def test_the_first_silent_stage_is_named(counts: CollectorProbe, stage: str) -> None:
    """The collector's counts tell which stage it is."""
    findings = diagnose(with_probes(no_fresh_samples(), collector=counts))
    stages = {(finding.cause, finding.title.partition("stage is ")[2]) for finding in findings}
    assert stages == {("running-no-metrics", stage)}


def test_each_service_has_its_own_silent_stage() -> None:
    """One service exports nothing, another sends to a wrong address, and the metrics of a third arrive."""
    query_api, name = pod("query-api", "amd64"), "OTEL_EXPORTER_OTLP_ENDPOINT"
    query_api["spec"]["containers"][0]["env"] = [{"name": name, "value": "http://otel-collecter:4317"}]
    line = "Failed to export metrics to otel-collecter:4317, error code: StatusCode.UNAVAILABLE"
    snapshot = with_log(with_probes(no_fresh_samples(), collector=CollectorProbe(900, 900, 0)), query_api, line)
    snapshot = with_objects(snapshot, pods=(pod(), query_api, pod("ingest-api", "amd64")))
    prometheus = snapshot.probes.prometheus
    assert prometheus is not None
    samples = tuple(
        replace(sample, at=snapshot.taken_at) if sample.metric.startswith("ingest") else sample
        for sample in prometheus.samples or ()
    )
    findings = diagnose(with_probes(snapshot, prometheus=replace(prometheus, samples=samples)))
    stages = {finding.object.rpartition("/")[2]: finding.title.rpartition("stage is ")[2] for finding in findings}
    assert stages == {"process-worker-arm64": "exporting", "query-api-amd64": "the collector"}
    assert [finding.do for finding in findings if finding.object.endswith("query-api-amd64")] == [
        f"kubectl -n {NAMESPACE} set env deployment/query-api-amd64 {name}=http://otel-collector:4317"
    ]


def test_a_lab_that_asks_another_server_than_the_collector_writes_to() -> None:
    """Both servers are named, and the next step makes the collector write to the lab's."""
    configured = {
        "metadata": {"name": "otel-collector"},
        "data": {"config.yaml": "endpoint: http://198.18.0.9:9090/api/v1/write"},
    }
    snapshot = with_probes(no_fresh_samples(), collector=CollectorProbe(received=900, sent=900, failed=0))
    findings = diagnose(with_objects(snapshot, config_maps=(configured,)))
    assert findings
    assert {finding.do for finding in findings} == {f"lab up --target kubernetes --namespace {NAMESPACE} --force"}
    both = "writes to http://198.18.0.9:9090, the lab asks http://198.18.0.1:9090"
    assert all(both in finding.why for finding in findings)


def test_a_process_that_cannot_reach_the_collector_says_so() -> None:
    """The log of its exporter tells it from a process that exports nothing."""
    line = "Failed to export metrics to otel-collector:4317, error code: StatusCode.UNAVAILABLE"
    snapshot = with_probes(no_fresh_samples(), collector=CollectorProbe(0, 0, 0))
    assert only(with_objects(with_log(snapshot, pod(), line), pods=(pod(),))).title.endswith("stage is the collector")


def test_a_worker_that_reads_another_stream_consumes_nothing() -> None:
    """The finding names the variable that differs, and the step makes it the same."""
    worker = pod()
    worker["spec"]["containers"][0]["env"].append({"name": "LAB_STORE_NAMESPACE", "value": "other"})
    findings = diagnose(with_pod(workers_are_idle(), worker))
    assert [finding.do for finding in findings if finding.object == WORKER] == [
        f"kubectl -n {NAMESPACE} set env deployment/process-worker-arm64 LAB_STORE_NAMESPACE-"
    ]
