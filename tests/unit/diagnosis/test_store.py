"""A store that is asked and one that is not, outside and inside the cluster, and what its pods said when."""

import os
import shlex
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from lab.diagnosis.diagnose import diagnose
from lab.diagnosis.finding import Finding
from lab.diagnosis.remedies import redis_cli
from lab.snapshots.probes import StoreProbe
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
from tests.unit.diagnosis.cases import WORKER, store_says

DENIED = "redis redis:6379: WRONGPASS invalid username-password pair or user is disabled."
EVICTS = "STORE_EVICTS: redis redis:6379: maxmemory-policy allkeys-lru can delete events"
REFUSED = "redis %s: Error 111 connecting to it. Connection refused."
UP = f"lab up --target kubernetes --namespace {NAMESPACE} --force"


def only(snapshot: Snapshot) -> Finding:
    """The one thing that is wrong."""
    found = diagnose(snapshot)
    assert len(found) == 1, [(one.cause, one.object) for one in found]
    return found[0]


def unasked(*said: str, url: str = "") -> Snapshot:
    """Nobody asked the store, which is called *url*; a worker says something of it and ends."""
    made = crashing(respecified(pod(), env=[{"name": "LAB_REDIS_URL", "value": url}] if url else []), exit_code=69)
    others = [respecified(dict(one), env=[]) for one in healthy().objects.pods]
    here = with_pod(with_objects(healthy(), pods=tuple(others)), made)
    return with_log(with_probes(here, store=None), made, *said)


def inside(snapshot: Snapshot) -> Snapshot:
    """The store runs in the namespace, as the lab deploys it there."""
    thing, made = respecified(pod("redis", "amd64"), env=[]), deployment("redis", "amd64")
    thing["metadata"]["ownerReferences"] = [{"kind": "ReplicaSet", "name": "redis-5d9c7b8f6"}]
    made["metadata"]["name"] = "redis"
    told = {"metadata": {"name": "stack"}, "data": {"LAB_REDIS_URL": "redis://redis:6379/0"}}
    objects = snapshot.objects
    return with_pod(
        with_objects(snapshot, deployments=(*objects.deployments, made), config_maps=(*objects.config_maps, told)),
        thing,
    )


def with_store_pod(snapshot: Snapshot, **status: object) -> Snapshot:
    """The store's pod is otherwise."""
    thing: Object = next(dict(one) for one in snapshot.objects.pods if one["metadata"]["name"].startswith("redis"))
    return with_pod(snapshot, changed(thing, **status))


def test_a_store_inside_that_nobody_asked_is_looked_into_where_it_is() -> None:
    """Its log while its pod is well, since what it keeps goes with the pod; a new pod else."""
    here = inside(unasked(REFUSED % "redis:6379"))
    found = only(here)
    assert (found.cause, found.object) == ("redis-unreachable", "Redis/redis:6379")
    assert "the lab did not ask it itself" in found.found
    assert found.do == f"kubectl -n {NAMESPACE} logs deployment/redis --tail=50"
    broken = next(
        one for one in diagnose(with_store_pod(here, ready=False, lastState={})) if one.cause == "redis-unreachable"
    )
    assert broken.do == f"kubectl -n {NAMESPACE} rollout restart deployment/redis"
    gone = unasked(REFUSED % f"redis.{NAMESPACE}.svc:6379")
    assert only(gone).do == UP


def test_a_policy_inside_is_changed_in_the_store_s_own_pod() -> None:
    """Not in the Redis of whoever pastes it."""
    found = only(inside(unasked(EVICTS)))
    assert found.object == "Redis/redis:6379"
    assert "by the word of Pod/" in found.found
    words = shlex.split(found.do)
    assert words[:7] == ["kubectl", "-n", NAMESPACE, "exec", "deployment/redis", "--", "sh"]
    assert (
        words[-1]
        == 'REDISCLI_AUTH="$(cat /etc/lab/store/password)" redis-cli -e config set maxmemory-policy noeviction'
    )


@pytest.mark.parametrize(("fails", "code"), [("nothing", 0), ("rewrite", 0), ("set", 1)])
def test_a_store_without_a_file_takes_settings_all_the_same(tmp_path: Path, fails: str, code: int) -> None:
    """The step as it is pasted fails where nothing was set, and says so where it was not written down."""
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
    """Where nothing names the store, what pods are told is the next step."""
    found = only(with_objects(unasked(EVICTS), config_maps=()))
    assert "127.0.0.1" not in found.do
    assert found.do == f"kubectl -n {NAMESPACE} set env deployment/process-worker-arm64 --list"
    named = only(unasked(EVICTS, url="redis://198.18.0.9:6390/0"))
    assert named.do.startswith("redis-cli -e -h 198.18.0.9 -p 6390 config set maxmemory-policy noeviction && ")


def test_a_pod_that_looks_for_a_store_in_itself_is_told_the_right_address() -> None:
    """Nobody's own machine is signed in to."""
    assert only(unasked(REFUSED % "127.0.0.1:6379")).do == UP


def test_a_password_that_was_not_tried_is_not_called_right() -> None:
    """Only a store that let the lab in proves it."""
    made = crashing(pod(), exit_code=69)
    tried = with_log(with_pod(healthy(), made), made, DENIED)
    assert only(tried).why.startswith("the lab's password is right")
    assert only(with_probes(tried, store=None)).why.startswith("the lab did not try its own password")
    found = only(inside(unasked(DENIED)))
    assert found.do == f"{UP} && kubectl -n {NAMESPACE} rollout restart deployment/redis"


def test_pods_that_look_for_another_store_are_told_the_lab_s() -> None:
    """What the lab reaches is not what they do not."""
    made = crashing(pod(), exit_code=69)
    found = only(with_log(with_pod(healthy(), made), made, REFUSED % "198.18.0.7:6379"))
    assert "the lab itself reaches it" not in found.found
    assert (found.object, found.do) == ("Redis/198.18.0.7:6379", UP)


def test_a_store_is_opened_for_the_one_address_that_was_asked() -> None:
    """Never on every interface."""
    made = crashing(pod(), exit_code=69)
    found = only(with_log(with_pod(healthy(), made), made, REFUSED % f"{HOST}:6379"))
    client = f"redis-cli -e -h {HOST} -p 6379"
    assert found.do.startswith(f"{client} config set bind '{HOST} 127.0.0.1 -::1' && {{ {client} config rewrite || ")


@pytest.mark.parametrize("early", ["Temporary failure in name resolution", REFUSED % f"{HOST}:6379"])
def test_what_a_container_said_long_ago_is_not_the_cause(early: str) -> None:
    """It ran for a while since, and then its memory was not enough."""
    made = crashing(pod(), exit_code=137, reason="OOMKilled")
    assert only(with_log(with_pod(healthy(), made), made, early, *["counted 100 events"] * 150)).cause == "oom-kill"


@pytest.mark.parametrize("last", ["Temporary failure in name resolution", REFUSED % f"{HOST}:6379"])
def test_a_container_that_the_kernel_ended_is_told_first(last: str) -> None:
    """Whatever it said last."""
    made = crashing(pod(), exit_code=137, reason="OOMKilled")
    first = diagnose(with_log(with_pod(healthy(), made), made, last))[0]
    assert (first.cause, first.object) == ("oom-kill", WORKER)


def test_what_the_container_before_said_is_history_once_the_newest_speaks() -> None:
    """Or once it is well, which it need not say."""
    before = ContainerLog(pod()["metadata"]["name"], "process-worker", (REFUSED % f"{HOST}:6379",), previous=True)
    here = healthy()
    assert diagnose(replace(here, logs=(before, *here.logs))) == ()
    others = tuple(one for one in here.logs if one.pod != before.pod)
    assert diagnose(replace(here, logs=(before, *others))) == ()
    made = changed(pod(), ready=False, lastState={}, state={"running": {"startedAt": ago(10)}})
    starting = replace(with_pod(here, made), logs=(before, *others))
    assert [one.cause for one in diagnose(starting)] == ["redis-unreachable"]
    speaking = ContainerLog(before.pod, before.container, ("serving",))
    assert diagnose(replace(starting, logs=(*starting.logs, speaking))) == ()


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
def test_a_store_that_cannot_be_asked_is_not_called_away(facts: dict[str, object], do: str) -> None:
    """What it or the settings say is the evidence."""
    found = only(store_says(**facts))
    assert (found.cause, found.found) == ("redis-not-asked", facts["error"])
    assert found.do.startswith(do)


def test_redis_cli_is_called_as_the_lab_asks() -> None:
    """With password, user and TLS; an error of the server ends the step."""
    probe = StoreProbe(
        "h:6380", reachable=True, tls=True, user="lab", password_file="/run/my pass", ca_file="/run/ca.crt"
    )
    assert redis_cli(probe) == (
        "REDISCLI_AUTH=\"$(cat '/run/my pass')\" redis-cli -e -h h -p 6380 --tls --cacert /run/ca.crt --user lab"
    )
    found = only(store_says(policy="allkeys-lru", tls=True, password_file="/run/password"))
    assert found.do.count('REDISCLI_AUTH="$(cat /run/password)" redis-cli -e ') == 2
    assert found.do.count(" --tls ") == 2


def test_a_password_goes_into_a_file_that_nobody_else_may_read() -> None:
    """The one that the lab reads; a key of a Secret is quoted."""
    facts = {"authenticated": False, "error": "WRONGPASS", "password_file": "/run/my pass"}
    found = only(store_says(**facts))
    assert "(umask 077 && printf %s \"$WORD\" > '/run/my pass')" in found.do
    thing = respecified(pod(), env=[{"name": "LAB_REDIS_PASSWORD_FILE", "value": "/run/secrets/redis/a;b"}])
    others = [respecified(dict(one), env=[]) for one in healthy().objects.pods]
    here = with_pod(with_objects(store_says(**facts), pods=tuple(others)), thing)
    assert "--from-file='a;b'='/run/my pass'" in only(replace(here, wanted=())).do
