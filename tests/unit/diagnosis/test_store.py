"""A store that the lab asked or did not ask, outside and inside the cluster, and what pods logged about it and when."""

import os
import shlex
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from lab.diagnosis.diagnose import diagnose
from lab.diagnosis.remedies import redis_cli
from lab.snapshots.answers import StoreProbe
from lab.snapshots.snapshot import ContainerLog, Snapshot
from tests.unit.diagnosis.builders import (
    HOST,
    NAMESPACE,
    Object,
    ago,
    changed,
    crashing,
    deployment,
    healthy,
    pod,
    respecified,
    with_log,
    with_objects,
    with_pod,
    with_probes,
)
from tests.unit.diagnosis.cases import WORKER
from tests.unit.diagnosis.faulty import store_probed
from tests.unit.diagnosis.findings import causes, causes_and_objects, only

DENIED = "redis redis:6379: WRONGPASS invalid username-password pair or user is disabled."
EVICTS = "STORE_EVICTS: redis redis:6379: maxmemory-policy allkeys-lru can delete events"
REFUSED = "redis %s: Error 111 connecting to it. Connection refused."
UP = f"lab up --target kubernetes --namespace {NAMESPACE} --force"


def unasked(*lines: str, url: str = "") -> Snapshot:
    """Return a snapshot in which the lab did not ask the store at *url*; a worker logs something about it and ends."""
    worker = crashing(respecified(pod(), env=[{"name": "LAB_REDIS_URL", "value": url}] if url else []), exit_code=69)
    others = [respecified(dict(raw), env=[]) for raw in healthy().objects.pods]
    snapshot = with_pod(with_objects(healthy(), pods=tuple(others)), worker)
    return with_log(with_probes(snapshot, store=None), worker, *lines)


def worker_logs(*lines: str, exit_code: int = 69, reason: str = "Error") -> Snapshot:
    """Return a snapshot with a worker that logs some lines and ends; the lab reaches its own store."""
    worker = crashing(pod(), exit_code=exit_code, reason=reason)
    return with_log(with_pod(healthy(), worker), worker, *lines)


def inside(snapshot: Snapshot) -> Snapshot:
    """Return a snapshot in which the store runs in the namespace, as the lab deploys it."""
    store, workload = respecified(pod("redis", "amd64"), env=[]), deployment("redis", "amd64")
    store["metadata"]["ownerReferences"] = [{"kind": "ReplicaSet", "name": "redis-5d9c7b8f6"}]
    workload["metadata"]["name"] = "redis"
    settings = {"metadata": {"name": "stack"}, "data": {"LAB_REDIS_URL": "redis://redis:6379/0"}}
    deployments = (*snapshot.objects.deployments, workload)
    config_maps = (*snapshot.objects.config_maps, settings)
    return with_pod(with_objects(snapshot, deployments=deployments, config_maps=config_maps), store)


def with_store_pod(snapshot: Snapshot, **status: object) -> Snapshot:
    """Return a snapshot in which the store's pod has another status."""
    store: Object = next(dict(raw) for raw in snapshot.objects.pods if raw["metadata"]["name"].startswith("redis"))
    return with_pod(snapshot, changed(store, **status))


def test_the_next_step_for_a_store_inside_is_in_the_cluster() -> None:
    """It is the log of a healthy pod, whose data a restart would lose; and a restart of any other pod."""
    snapshot = inside(unasked(REFUSED % "redis:6379"))
    finding = only(snapshot)
    assert (finding.cause, finding.object) == ("redis-unreachable", "Redis/redis:6379")
    assert "the lab itself did not ask it" in finding.found
    assert finding.do == f"kubectl -n {NAMESPACE} logs deployment/redis --tail=50"
    findings = diagnose(with_store_pod(snapshot, ready=False, lastState={}))
    broken = next(finding for finding in findings if finding.cause == "redis-unreachable")
    assert broken.do == f"kubectl -n {NAMESPACE} rollout restart deployment/redis"
    gone = unasked(REFUSED % f"redis.{NAMESPACE}.svc:6379")
    assert only(gone).do == UP


def test_a_policy_inside_is_changed_in_the_store_s_own_pod() -> None:
    """It is not changed in a Redis of the machine on which the step is pasted."""
    finding = only(inside(unasked(EVICTS)))
    assert finding.object == "Redis/redis:6379"
    assert "according to Pod/" in finding.found
    words = shlex.split(finding.do)
    assert words[:7] == ["kubectl", "-n", NAMESPACE, "exec", "deployment/redis", "--", "sh"]
    client = 'REDISCLI_AUTH="$(cat /etc/lab/store/password)" redis-cli -e --user admin'
    assert words[-1] == f"{client} config set maxmemory-policy noeviction"


@pytest.mark.parametrize(("fails", "code"), [("nothing", 0), ("rewrite", 0), ("set", 1)])
def test_a_store_without_a_file_takes_settings_all_the_same(tmp_path: Path, fails: str, code: int) -> None:
    """The pasted step fails if a setting was not made, and reports a setting that was not written to the file."""
    client = tmp_path / "redis-cli"
    client.write_text(f'#!/bin/sh\ncase "$*" in *" config {fails}"*) exit 1;; esac\n', encoding="utf-8")
    client.chmod(0o755)
    pasted = only(unasked(EVICTS, url="redis://198.18.0.9:6390/0")).do
    done = subprocess.run(
        ["bash", "-c", pasted], env={"PATH": f"{tmp_path}:{os.defpath}"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stderr
    assert ("until the store restarts" in done.stdout) is (fails == "rewrite")


def test_no_address_is_made_up() -> None:
    """Where nothing names the store, the next step shows the settings of the pods."""
    finding = only(with_objects(unasked(EVICTS), config_maps=()))
    assert "127.0.0.1" not in finding.do
    assert finding.do == f"kubectl -n {NAMESPACE} set env deployment/process-worker-arm64 --list"
    named = only(unasked(EVICTS, url="redis://198.18.0.9:6390/0"))
    assert named.do.startswith("redis-cli -e -h 198.18.0.9 -p 6390 config set maxmemory-policy noeviction && ")


def test_a_pod_that_looks_for_a_store_in_itself_gets_the_right_address() -> None:
    """No step logs in to the user's own machine."""
    assert only(unasked(REFUSED % "127.0.0.1:6379")).do == UP


def test_a_password_that_was_not_tried_is_not_called_right() -> None:
    """Only a login that succeeded proves it."""
    tried = worker_logs(DENIED)
    assert only(tried).why.startswith("the lab's password is right")
    assert only(with_probes(tried, store=None)).why.startswith("the lab did not try its own password")
    finding = only(inside(unasked(DENIED)))
    assert finding.do == f"{UP} && kubectl -n {NAMESPACE} rollout restart deployment/redis"


def test_pods_that_look_for_another_store_get_the_address_of_the_lab_s() -> None:
    """The store that the lab reaches is not the one that the pods miss."""
    finding = only(worker_logs(REFUSED % "198.18.0.7:6379"))
    assert "the lab itself reaches it" not in finding.found
    assert (finding.object, finding.do) == ("Redis/198.18.0.7:6379", UP)


def test_a_store_is_opened_for_the_one_address_that_was_asked() -> None:
    """It is never opened on every interface."""
    finding = only(worker_logs(REFUSED % f"{HOST}:6379"))
    client = f"redis-cli -e -h {HOST} -p 6379"
    assert finding.do.startswith(f"{client} config set bind '{HOST} 127.0.0.1 -::1' && {{ {client} config rewrite || ")


@pytest.mark.parametrize("early", ["Temporary failure in name resolution", REFUSED % f"{HOST}:6379"])
def test_what_a_container_logged_long_ago_is_not_the_cause(early: str) -> None:
    """It ran on for a while, and then its memory was not enough."""
    lines = (early, *["counted 100 events"] * 150)
    assert only(worker_logs(*lines, exit_code=137, reason="OOMKilled")).cause == "oom-kill"


@pytest.mark.parametrize("last", ["Temporary failure in name resolution", REFUSED % f"{HOST}:6379"])
def test_a_container_that_the_kernel_killed_comes_first(last: str) -> None:
    """It does so whatever it logged last."""
    snapshot = worker_logs(last, exit_code=137, reason="OOMKilled")
    assert causes_and_objects(snapshot)[0] == ("oom-kill", WORKER)


def test_the_log_of_the_previous_container_is_history_once_the_current_one_logs() -> None:
    """So it is once the current container is ready, even without a log."""
    before = ContainerLog(pod()["metadata"]["name"], "process-worker", (REFUSED % f"{HOST}:6379",), previous=True)
    snapshot = healthy()
    assert diagnose(replace(snapshot, logs=(before, *snapshot.logs))) == ()
    others = tuple(log for log in snapshot.logs if log.pod != before.pod)
    assert diagnose(replace(snapshot, logs=(before, *others))) == ()
    worker = changed(pod(), ready=False, lastState={}, state={"running": {"startedAt": ago(10)}})
    starting = replace(with_pod(snapshot, worker), logs=(before, *others))
    assert causes(starting) == ["redis-unreachable"]
    current = ContainerLog(before.pod, before.container, ("serving",))
    assert diagnose(replace(starting, logs=(*starting.logs, current))) == ()


@pytest.mark.parametrize(
    ("facts", "do"),
    [
        ({"error": "certificate verify failed", "authenticated": None}, "openssl s_client -connect "),
        (
            {"error": "cannot read /run/ca.crt: No such file", "reachable": None, "authenticated": None},
            "lab config show",
        ),
        ({"error": "LOADING Redis is loading the dataset in memory"}, f"redis-cli -e -h {HOST} -p 6379 ping"),
    ],
    ids=["untrusted", "settings", "loading"],
)
def test_a_store_that_cannot_be_asked_is_not_called_unreachable(facts: dict[str, object], do: str) -> None:
    """The evidence is its error, or that of the settings."""
    finding = only(store_probed(**facts))
    assert (finding.cause, finding.found) == ("redis-not-asked", facts["error"])
    assert finding.do.startswith(do)


def test_redis_cli_is_called_as_the_lab_asks() -> None:
    """It gets password, user and TLS, and an error of the server ends the step."""
    probe = StoreProbe(
        "h:6380", reachable=True, tls=True, user="lab", password_file="/run/my pass", ca_file="/run/ca.crt"
    )
    assert redis_cli(probe) == (
        "REDISCLI_AUTH=\"$(cat '/run/my pass')\" redis-cli -e -h h -p 6380 --tls --cacert /run/ca.crt --user lab"
    )
    finding = only(store_probed(policy="allkeys-lru", tls=True, password_file="/run/password"))
    assert finding.do.count('REDISCLI_AUTH="$(cat /run/password)" redis-cli -e ') == 2
    assert finding.do.count(" --tls ") == 2


def test_a_password_goes_into_a_file_that_nobody_else_may_read() -> None:
    """It is the file that the lab reads. The key of a Secret is quoted."""
    facts = {"authenticated": False, "error": "WRONGPASS", "password_file": "/run/my pass"}
    finding = only(store_probed(**facts))
    assert "(umask 077 && printf %s \"$WORD\" > '/run/my pass')" in finding.do
    worker = respecified(pod(), env=[{"name": "LAB_REDIS_PASSWORD_FILE", "value": "/run/secrets/redis/a;b"}])
    others = [respecified(dict(raw), env=[]) for raw in healthy().objects.pods]
    snapshot = with_pod(with_objects(store_probed(**facts), pods=tuple(others)), worker)
    assert "--from-file='a;b'='/run/my pass'" in only(replace(snapshot, wanted=())).do


def test_services_that_cannot_reach_a_store_that_the_lab_reaches() -> None:
    """The store listens on its own machine alone."""
    error = "  redis 198.18.0.1:6379: Error 111 connecting. Connection refused."
    finding = only(worker_logs("process-worker: STORE_UNREACHABLE", error))
    assert (finding.cause, "config set bind" in finding.do) == ("redis-unreachable", True)
