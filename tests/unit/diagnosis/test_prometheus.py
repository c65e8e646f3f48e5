"""A metrics server that is well, that cannot be asked, that is inside the cluster: nothing untrue is said of it."""

from dataclasses import replace
from pathlib import Path

import pytest

from lab.diagnosis.diagnose import diagnose
from lab.diagnosis.finding import Finding
from lab.snapshots.probes import CollectorProbe, LastSample, PrometheusProbe
from lab.snapshots.snapshot import Snapshot, load, save
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
from tests.unit.diagnosis.cases import REMOTE_WRITE_LOG, not_asked, prometheus_says

OFF = REMOTE_WRITE_LOG % (404, "remote write receiver needs to be enabled with --enable-feature=remote-write-receiver")
PASSED_ON = CollectorProbe(received=900, sent=900, failed=0)
MANIFESTS = Path(__file__).parents[3] / "manifests"
NAME = f"http://prometheus.{NAMESPACE}.svc:9090"


def only(snapshot: Snapshot) -> Finding:
    """The one thing that is wrong."""
    found = diagnose(snapshot)
    assert len(found) == 1, [(one.cause, one.object) for one in found]
    return found[0]


def inside(snapshot: Snapshot) -> Snapshot:
    """Prometheus runs in the namespace, and the collector writes to it there."""
    thing, made = pod("prometheus", "amd64"), deployment("prometheus", "amd64")
    thing["metadata"]["ownerReferences"] = [{"kind": "ReplicaSet", "name": "prometheus-5d9c7b8f6"}]
    made["metadata"]["name"] = "prometheus"
    told = {
        "metadata": {"name": "stack"},
        "data": {"PROMETHEUS_REMOTE_WRITE_URL": "http://prometheus:9090/api/v1/write"},
    }
    objects = snapshot.objects
    here = with_objects(snapshot, deployments=(*objects.deployments, made), config_maps=(told,))
    return with_pod(here, thing)


def asked_inside(snapshot: Snapshot) -> Snapshot:
    """The same, and the lab asked it through a port-forward."""
    probe = snapshot.probes.prometheus
    assert probe is not None
    return with_probes(inside(snapshot), prometheus=replace(probe, url=NAME, inside=True, receives=None))


def test_an_old_line_about_the_receiver_is_not_believed_where_it_takes_writes() -> None:
    """Neither where samples arrive: a server that is well is not started again."""
    assert diagnose(prometheus_says(OFF, newest_s=3.0)) == ()
    assert diagnose(prometheus_says(OFF, newest_s=3.0, receives=None)) == ()
    causes = {one.cause for one in diagnose(prometheus_says(OFF, receives=True))}
    assert causes == {"running-no-metrics"}


@pytest.mark.parametrize("receives", [False, None])
def test_a_line_about_the_receiver_is_believed_where_nothing_arrives(*, receives: bool | None) -> None:
    """And where no write was taken since."""
    assert only(prometheus_says(OFF, receives=receives)).cause == "prometheus-receives-nothing"


@pytest.mark.parametrize(("seconds", "cause"), [(30, "prometheus-receives-nothing"), (90, "running-no-metrics")])
def test_a_refusal_of_some_time_ago_explains_no_silence_of_now(seconds: int, cause: str) -> None:
    """It was put right since, or came from a server that is not the one that is asked now."""
    _, *rest = (REMOTE_WRITE_LOG % (400, "out of order sample")).split("\t")
    line = "\t".join([ago(seconds), *rest])
    assert {one.cause for one in diagnose(prometheus_says(line))} == {cause}


def test_silence_is_not_held_against_pods_where_nobody_asked() -> None:
    """No samples is one thing, no answer another."""
    silent = prometheus_says()
    assert {one.cause for one in diagnose(silent)} == {"running-no-metrics"}
    probe = silent.probes.prometheus
    assert probe is not None
    assert diagnose(with_probes(silent, prometheus=replace(probe, samples=None))) == ()


def test_that_nobody_asked_is_kept_with_a_look(tmp_path: Path) -> None:
    """A file tells it from an answer without samples."""
    for samples in (None, ()):
        kept = with_probes(healthy(), prometheus=PrometheusProbe(NAME, reachable=True, samples=samples))
        save(kept, tmp_path / "look.json")
        assert load(tmp_path / "look.json") == kept


@pytest.mark.parametrize(
    ("snapshot", "words"),
    [
        (not_asked("HTTP Status Code 403"), ["LAB_PROMETHEUS_AUTHORIZATION_FILE:?", "umask 077"]),
        (
            not_asked("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed", url="https://h"),
            ["openssl s_client -connect h:443 -servername h"],
        ),
        (not_asked("cannot read /run/ca.crt: No such file or directory", reachable=None), ["lab config show"]),
        (not_asked("503: Service Unavailable"), [f"curl -sS http://{HOST}:9090/-/ready"]),
    ],
    ids=["denied", "untrusted", "settings", "unwell"],
)
def test_a_server_that_cannot_be_asked_is_told_with_what_it_said(snapshot: Snapshot, words: list[str]) -> None:
    """One finding in place of one for every service; each has its own step."""
    found, probe = only(snapshot), snapshot.probes.prometheus
    assert probe is not None
    assert (found.cause, found.found) == ("prometheus-not-asked", probe.error)
    assert all(word in found.do for word in words), found.do


def test_a_server_that_answers_questions_was_asked_whatever_it_said_of_a_write() -> None:
    """A login that may read and not write is the collector's, not the lab's."""
    assert diagnose(prometheus_says(newest_s=3.0, receives=None, error="403: read only")) == ()


def test_nothing_inside_the_cluster_is_reached_by_ssh() -> None:
    """Its flag is one that the lab applies; its own queries are asked in its pod."""
    off = only(with_probes(inside(prometheus_says(OFF)), prometheus=None))
    assert (off.object, off.do.split()[:2]) == ("Prometheus/http://prometheus:9090", ["lab", "up"])
    silent = diagnose(asked_inside(prometheus_says()))
    query = f"kubectl -n {NAMESPACE} exec deployment/prometheus -- promtool query instant "
    assert {(one.cause, one.do.startswith(query), NAME in one.found) for one in silent} == {
        ("running-no-metrics", True, True)
    }
    late = only(asked_inside(prometheus_says(REMOTE_WRITE_LOG % (400, "out of order sample"))))
    assert late.do == f"kubectl -n {NAMESPACE} logs deployment/prometheus --tail=50"
    clock = only(asked_inside(prometheus_says(REMOTE_WRITE_LOG % (400, "out of bounds"))))
    assert clock.do.startswith("ssh clus1 'sudo chronyc makestep")


def test_a_server_that_nothing_names_is_nobody_s_machine() -> None:
    """Least of all the one on which the command is pasted."""
    here = with_objects(with_probes(prometheus_says(OFF), prometheus=None), config_maps=())
    assert only(here).do == f"kubectl -n {NAMESPACE} logs deployment/otel-collector --tail=50"


def test_a_server_inside_that_cannot_be_asked_is_explained_by_its_pod() -> None:
    """Else its log is the next step."""
    probe = PrometheusProbe(NAME, reachable=None, error="refused", inside=True)
    here = with_probes(inside(healthy()), prometheus=probe)
    assert only(here).do == f"kubectl -n {NAMESPACE} logs deployment/prometheus --tail=50"
    thing = next(dict(one) for one in here.objects.pods if one["metadata"]["name"].startswith("prometheus"))
    broken = with_pod(here, waiting(thing, "ErrImagePull", "rpc error: code = NotFound desc = x: not found"))
    assert only(broken).cause == "image-not-there"


def failed_ago(seconds: float) -> str:
    """What the collector says of a batch."""
    return f"{ago(seconds)}\terror\tinternal/queue_sender.go:50\tExporting failed. Dropping data."


@pytest.mark.parametrize(
    ("said", "stage"), [(failed_ago(5), "remote write"), (failed_ago(3_000), "the query"), ("ready", "the query")]
)
def test_points_that_failed_once_are_not_failing_now(said: str, stage: str) -> None:
    """The collector counts them from its start; the times in its log tell."""
    here = with_probes(prometheus_says(), collector=CollectorProbe(received=900, sent=890, failed=10))
    found = diagnose(with_log(here, pod("otel-collector", "amd64"), said))
    assert {one.title.partition("stage is ")[2] for one in found} == {stage}
    assert {"since its start" in one.found for one in found} == {True}


def configured(folder: str, snapshot: Snapshot) -> Snapshot:
    """The collector has the configuration of that folder of manifests."""
    text = (MANIFESTS / folder / "collector-config.yaml").read_text(encoding="utf-8")
    return with_objects(
        snapshot, config_maps=({"metadata": {"name": "otel-collector"}, "data": {"config.yaml": text}},)
    )


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
    """Samples that bear an address in place of a process tell; the query shows what the labels became."""
    here = configured("components/scraped", prometheus_says())
    at = here.taken_at - 3.0
    samples = tuple(LastSample(one.prometheus_name, instance, at) for one in PROMISED.values()) if instance else ()
    probe = here.probes.prometheus
    assert probe is not None
    found = only(with_probes(here, prometheus=replace(probe, samples=samples), collector=counts))
    assert found.object == f"Prometheus/{probe.url}"
    assert found.title.startswith(f"{len(PLACES) - 1} Deployments run, no metric arrives")
    assert found.why.partition(" (")[0].partition(", and so")[0] == why
    assert "by (job, instance, exported_job, exported_instance)" in found.do


def test_a_collector_that_writes_is_not_scraped() -> None:
    """Its own page of counters is none that anybody is asked to scrape."""
    found = diagnose(with_probes(configured("base", prometheus_says()), collector=PASSED_ON))
    assert {"honor_labels" in one.why for one in found} == {False}
