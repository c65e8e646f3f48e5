"""A metrics server that is healthy, cannot be asked, or runs inside the cluster: no finding says anything untrue."""

from dataclasses import replace
from pathlib import Path

import pytest

from lab.diagnosis.diagnose import diagnose
from lab.snapshots.answers import ClockProbe, CollectorProbe, LastSample, PrometheusProbe
from lab.snapshots.files import load, save
from lab.snapshots.snapshot import Snapshot
from services.contracts.signals import PROMISED
from tests.unit.diagnosis.builders import (
    HOST,
    NAMESPACE,
    PLACES,
    ago,
    deployment,
    healthy,
    pod,
    waiting,
    with_log,
    with_objects,
    with_pod,
    with_probes,
)
from tests.unit.diagnosis.faulty import REMOTE_WRITE_LOG, no_fresh_samples, prometheus_not_asked
from tests.unit.diagnosis.findings import causes, only

OFF = REMOTE_WRITE_LOG % (404, "remote write receiver needs to be enabled with --enable-feature=remote-write-receiver")
PASSED_ON = CollectorProbe(received=900, sent=900, failed=0)
MANIFESTS = Path(__file__).parents[3] / "manifests"
NAME = f"http://prometheus.{NAMESPACE}.svc:9090"


def inside(snapshot: Snapshot) -> Snapshot:
    """Return a snapshot in which Prometheus runs in the namespace, and the collector writes to it."""
    server, workload = pod("prometheus", "amd64"), deployment("prometheus", "amd64")
    server["metadata"]["ownerReferences"] = [{"kind": "ReplicaSet", "name": "prometheus-5d9c7b8f6"}]
    workload["metadata"]["name"] = "prometheus"
    settings = {
        "metadata": {"name": "stack"},
        "data": {"PROMETHEUS_REMOTE_WRITE_URL": "http://prometheus:9090/api/v1/write"},
    }
    deployments = (*snapshot.objects.deployments, workload)
    return with_pod(with_objects(snapshot, deployments=deployments, config_maps=(settings,)), server)


def asked_inside(snapshot: Snapshot) -> Snapshot:
    """Return a snapshot in which the lab asked Prometheus in the namespace through a port-forward."""
    probe = snapshot.probes.prometheus
    assert probe is not None
    return with_probes(inside(snapshot), prometheus=replace(probe, url=NAME, inside=True, receives=None))


def test_an_old_line_about_the_receiver_is_not_believed_where_it_accepts_writes() -> None:
    """Nor is it where samples arrive: a healthy server is not restarted."""
    assert diagnose(no_fresh_samples(OFF, newest_s=3.0)) == ()
    assert diagnose(no_fresh_samples(OFF, newest_s=3.0, receives=None)) == ()
    assert set(causes(no_fresh_samples(OFF, receives=True))) == {"running-no-metrics"}


@pytest.mark.parametrize("receives", [False, None])
def test_a_line_about_the_receiver_is_believed_where_nothing_arrives(*, receives: bool | None) -> None:
    """It is not contradicted by a write that was accepted later."""
    assert only(no_fresh_samples(OFF, receives=receives)).cause == "prometheus-receives-nothing"


@pytest.mark.parametrize(("seconds", "cause"), [(30, "prometheus-receives-nothing"), (90, "running-no-metrics")])
def test_an_old_refusal_does_not_explain_present_silence(seconds: int, cause: str) -> None:
    """It was cured since, or came from another server than the one that is asked now."""
    _, *rest = (REMOTE_WRITE_LOG % (400, "out of order sample")).split("\t")
    line = "\t".join([ago(seconds), *rest])
    assert set(causes(no_fresh_samples(line))) == {cause}


def test_a_wrong_clock_does_not_hide_a_server_that_does_not_answer() -> None:
    """It explains refused samples, and nothing else."""
    _, *rest = (REMOTE_WRITE_LOG % (400, "out of order sample")).split("\t")
    refused = no_fresh_samples("\t".join([ago(10), *rest]))
    skewed = with_probes(refused, clocks=(ClockProbe("r3", 2.4, 0.02),))
    assert set(causes(skewed)) == {"clock-skew"}
    prometheus = refused.probes.prometheus
    assert prometheus is not None
    away = replace(prometheus, samples=None, reachable=False, error="connection refused")
    assert "prometheus-receives-nothing" in causes(with_probes(skewed, prometheus=away))


def test_pods_are_not_called_silent_where_prometheus_was_not_asked() -> None:
    """An answer without samples is not the same as no answer."""
    silent = no_fresh_samples()
    assert set(causes(silent)) == {"running-no-metrics"}
    probe = silent.probes.prometheus
    assert probe is not None
    assert diagnose(with_probes(silent, prometheus=replace(probe, samples=None))) == ()


def test_that_prometheus_was_not_asked_is_kept_in_a_file(tmp_path: Path) -> None:
    """A file tells that from an answer without samples."""
    for samples in (None, ()):
        snapshot = with_probes(healthy(), prometheus=PrometheusProbe(NAME, reachable=True, samples=samples))
        save(snapshot, tmp_path / "snapshot.json")
        assert load(tmp_path / "snapshot.json") == snapshot


@pytest.mark.parametrize(
    ("snapshot", "words"),
    [
        (prometheus_not_asked("HTTP Status Code 403"), ["LAB_PROMETHEUS_AUTHORIZATION_FILE:?", "umask 077"]),
        (
            prometheus_not_asked("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed", url="https://h"),
            ["openssl s_client -connect h:443 -servername h"],
        ),
        (
            prometheus_not_asked("cannot read /run/ca.crt: No such file or directory", reachable=None),
            ["lab config show"],
        ),
        (prometheus_not_asked("503: Service Unavailable"), [f"curl -sS http://{HOST}:9090/-/ready"]),
    ],
    ids=["denied", "untrusted", "settings", "unwell"],
)
def test_a_server_that_cannot_be_asked_is_one_finding_with_its_error(snapshot: Snapshot, words: list[str]) -> None:
    """That finding replaces one for every service, and its step fits the error."""
    finding, probe = only(snapshot), snapshot.probes.prometheus
    assert probe is not None
    assert (finding.cause, finding.found) == ("prometheus-not-asked", probe.error)
    assert all(word in finding.do for word in words), finding.do


def test_a_server_that_answers_queries_was_asked_even_if_it_refuses_writes() -> None:
    """Writing needs the collector's login, not the lab's."""
    assert diagnose(no_fresh_samples(newest_s=3.0, receives=None, error="403: read only")) == ()


def test_nothing_inside_the_cluster_is_reached_by_ssh() -> None:
    """The lab applies its flags, and queries are asked in its pod."""
    off = only(with_probes(inside(no_fresh_samples(OFF)), prometheus=None))
    assert (off.object, off.do.split()[:2]) == ("Prometheus/http://prometheus:9090", ["lab", "up"])
    silent = only(asked_inside(no_fresh_samples()))
    query = f"kubectl -n {NAMESPACE} exec deployment/prometheus -- promtool query instant "
    assert (silent.cause, silent.do.startswith(query), NAME in silent.found) == ("running-no-metrics", True, True)
    late = only(asked_inside(no_fresh_samples(REMOTE_WRITE_LOG % (400, "out of order sample"))))
    assert late.do == f"kubectl -n {NAMESPACE} logs deployment/prometheus --tail=50"
    clock = only(asked_inside(no_fresh_samples(REMOTE_WRITE_LOG % (400, "out of bounds"))))
    assert clock.do.startswith("ssh clus1 'sudo chronyc makestep")


def test_no_machine_is_made_up_for_a_server_that_nothing_names() -> None:
    """The command must not change the machine on which it is pasted."""
    snapshot = with_objects(with_probes(no_fresh_samples(OFF), prometheus=None), config_maps=())
    assert only(snapshot).do == f"kubectl -n {NAMESPACE} logs deployment/otel-collector --tail=50"


def test_a_server_inside_that_cannot_be_asked_is_explained_by_its_pod() -> None:
    """For a healthy pod the next step is its log."""
    probe = PrometheusProbe(NAME, reachable=None, error="refused", inside=True)
    snapshot = with_probes(inside(healthy()), prometheus=probe)
    assert only(snapshot).do == f"kubectl -n {NAMESPACE} logs deployment/prometheus --tail=50"
    server = next(dict(raw) for raw in snapshot.objects.pods if raw["metadata"]["name"].startswith("prometheus"))
    broken = with_pod(snapshot, waiting(server, "ErrImagePull", "rpc error: code = NotFound desc = x: not found"))
    assert only(broken).cause == "image-not-there"


def failed_ago(seconds: float) -> str:
    """Return the line that the collector logs about a batch that it could not send."""
    return f"{ago(seconds)}\terror\tinternal/queue_sender.go:50\tExporting failed. Dropping data."


@pytest.mark.parametrize(
    ("line", "stage"), [(failed_ago(5), "remote write"), (failed_ago(3_000), "the query"), ("ready", "the query")]
)
def test_points_that_failed_once_are_not_failing_now(line: str, stage: str) -> None:
    """The collector counts from its start; only the times in its log tell."""
    snapshot = with_probes(no_fresh_samples(), collector=CollectorProbe(received=900, sent=890, failed=10))
    findings = diagnose(with_log(snapshot, pod("otel-collector", "amd64"), line))
    assert {finding.title.partition("stage is ")[2] for finding in findings} == {stage}
    assert {"since its start" in finding.found for finding in findings} == {True}


def configured(folder: str, snapshot: Snapshot) -> Snapshot:
    """Return a snapshot in which the collector has the configuration of a folder of the manifests."""
    text = (MANIFESTS / folder / "collector-config.yaml").read_text(encoding="utf-8")
    config_map = {"metadata": {"name": "otel-collector"}, "data": {"config.yaml": text}}
    return with_objects(snapshot, config_maps=(config_map,))


@pytest.mark.parametrize(
    ("instance", "counts", "why"),
    [
        ("", PASSED_ON, "nothing scrapes the collector, or not with honor_labels: true"),
        (f"{HOST}:31889", PASSED_ON, "the job that scrapes the collector lacks honor_labels: true"),
        (f"{HOST}:31889", None, "the job that scrapes the collector lacks honor_labels: true"),
    ],
    ids=["no-samples", "renamed", "renamed-collector-not-asked"],
)
def test_a_scrape_of_the_collector_has_to_keep_its_labels(
    instance: str, counts: CollectorProbe | None, why: str
) -> None:
    """Samples that bear an address in place of a process show that. The query shows what the labels became."""
    snapshot = configured("components/scraped", no_fresh_samples())
    at = snapshot.taken_at - 3.0
    samples = (
        tuple(LastSample(metric.prometheus_name, instance, at) for metric in PROMISED.values()) if instance else ()
    )
    probe = snapshot.probes.prometheus
    assert probe is not None
    finding = only(with_probes(snapshot, prometheus=replace(probe, samples=samples), collector=counts))
    assert finding.object == f"Prometheus/{probe.url}"
    assert finding.title.startswith(f"{len(PLACES) - 1} Deployments run, no metric arrives")
    assert finding.why.partition(" (")[0].partition(", and so")[0] == why
    assert "by (job, instance, exported_job, exported_instance)" in finding.do


def test_a_collector_that_writes_is_not_scraped() -> None:
    """The page with its own counters is not meant for a scrape."""
    findings = diagnose(with_probes(configured("base", no_fresh_samples()), collector=PASSED_ON))
    assert {"honor_labels" in finding.why for finding in findings} == {False}


@pytest.mark.parametrize(
    ("refusal", "word"), [("out of order sample", "out_of_order_time_window"), ("out of bounds", "chronyc makestep")]
)
def test_the_refusal_of_samples_decides_the_cure(refusal: str, word: str) -> None:
    """The order of samples is a setting, their time is that of a clock."""
    finding = only(no_fresh_samples(REMOTE_WRITE_LOG % (400, refusal)))
    assert finding.found == refusal
    assert word in finding.do


def test_two_collectors_are_scaled_down_to_one() -> None:
    """Both write the same series."""
    second = pod("otel-collector", "amd64")
    second["metadata"] |= {"name": "otel-collector-amd64-second"}
    snapshot = with_pod(no_fresh_samples(REMOTE_WRITE_LOG % (400, "out of order sample")), second)
    assert "scale deployment/otel-collector-amd64 --replicas=1" in only(snapshot).do


def test_a_prometheus_that_does_not_answer_is_one_finding() -> None:
    """It explains every missing metric."""
    assert only(no_fresh_samples(reachable=False, error="connection refused")).cause == "prometheus-receives-nothing"
