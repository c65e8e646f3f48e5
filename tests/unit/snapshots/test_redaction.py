"""No secret gets into a snapshot; what only mentions a secret stays."""

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lab.snapshots.files import save
from lab.snapshots.redaction import redacted, without_secrets
from lab.snapshots.snapshot import ContainerLog, Wanted
from tests.unit.diagnosis.builders import healthy, pod, with_log, with_objects, with_pod, with_probes

PLANTED = "hunter2-planted"
BEGIN, END = "-----BEGIN " + "PRIVATE KEY-----", "-----END " + "PRIVATE KEY-----"


PLACES: dict[str, Any] = {
    "variable": {"env": [{"name": "REDIS_PASSWORD", "value": PLANTED}]},
    "token": {"env": [{"name": "API_TOKEN", "value": PLANTED}]},
    "url": {"env": [{"name": "LAB_REDIS_URL", "value": f"redis://user:{PLANTED}@198.18.0.1:6379/0"}]},
    "flag": {"args": ["--requirepass", PLANTED]},
    "assigned flag": {"args": [f"--password={PLANTED}"]},
    "header": {"env": [{"name": "OTEL_EXPORTER_OTLP_HEADERS", "value": f"authorization=Bearer {PLANTED}-0123"}]},
    "raw header": {"env": [{"name": "OTEL_EXPORTER_OTLP_HEADERS", "value": f"authorization={PLANTED}"}]},
    "header of a check": {"livenessProbe": {"httpGet": {"httpHeaders": [{"name": "Authorization", "value": PLANTED}]}}},
    "client": {"readinessProbe": {"exec": {"command": ["redis-cli", "-a", PLANTED, "ping"]}}},
    "script": {"command": ["sh", "-c", f"redis-cli -h store -a {PLANTED} ping"]},
    "assignment": {"command": ["sh", "-c", f"REDISCLI_AUTH={PLANTED} redis-cli ping"]},
    "url with @": {"args": [f"redis://user:p@{PLANTED}@198.18.0.1:6379/0"]},
    "two words": {"args": [f'--password="a {PLANTED}"']},
}


CONFIG_MAP: dict[str, dict[str, dict[str, str]]] = {
    "secret": {"data": {"CLIENT_SECRET": PLANTED}},
    "api-key": {"data": {"api-key": PLANTED}},
    "private_key": {"data": {"private_key": PLANTED}},
    "password": {"data": {"redis-password": PLANTED}},
    "access key": {"data": {"AWS_SECRET_ACCESS_KEY": PLANTED}},
    "binary": {"binaryData": {"keystore": base64.b64encode(PLANTED.encode()).decode()}},
    "properties": {"data": {"app.properties": f"secret_key: {PLANTED}\nprivate-key={PLANTED}"}},
    "manifest": {"data": {"pod.yaml": f"env:\n- name: DB_PASSWORD\n  value: {PLANTED}\n"}},
}


@pytest.mark.parametrize("place", CONFIG_MAP)
def test_no_secret_of_a_config_map_gets_into_a_snapshot(place: str) -> None:
    """Neither as text nor as base64; the ConfigMap itself stays."""
    config_map = {"metadata": {"name": "x"}, **CONFIG_MAP[place]}
    snapshot = with_objects(healthy(), config_maps=(config_map,))
    assert PLANTED not in repr(snapshot)
    assert base64.b64encode(PLANTED.encode()).decode() not in repr(snapshot)
    assert snapshot.objects.config_maps[0]["metadata"]["name"] == "x"


def test_no_secret_of_an_annotation_gets_into_a_snapshot() -> None:
    """Tools keep a copy of an object there, as JSON, or as JSON in a text of JSON."""
    container = {
        "args": ["--requirepass", PLANTED],
        "env": [{"name": "REDIS_PASSWORD", "value": f"a {PLANTED}"}, {"name": "LAB_RATE", "value": "7"}],
    }
    copy = json.dumps({"spec": {"containers": [container]}})
    worker = pod()
    worker["metadata"]["annotations"] = {"tool.example/original": copy, "tool.example/nested": json.dumps({"a": copy})}
    snapshot = with_pod(healthy(), worker)
    assert PLANTED not in repr(snapshot)
    assert "LAB_RATE" in repr(snapshot)


def test_no_field_of_a_snapshot_keeps_a_secret() -> None:
    """Each is searched, also one that a later lab adds."""
    secret = f"redis://:{PLANTED}@h"
    snapshot = replace(
        healthy(), namespace=secret, lab_version=secret, wanted=(Wanted("worker", "arm64", secret, "testbed"),)
    )
    assert PLANTED not in repr(snapshot)
    assert repr(replace(snapshot)) == repr(snapshot)


@pytest.mark.parametrize("place", PLACES)
def test_no_secret_of_a_pod_gets_into_a_snapshot(place: str, tmp_path: Path) -> None:
    """The secret is also in the configuration that was last applied."""
    worker = pod()
    worker["spec"]["containers"][0] |= PLACES[place]
    applied = {"kubectl.kubernetes.io/last-applied-configuration": json.dumps(worker)}
    worker["metadata"]["annotations"] = applied
    snapshot = with_pod(healthy(), worker)
    save(snapshot, tmp_path / "snapshot.json")
    assert PLANTED not in repr(snapshot)
    assert PLANTED not in (tmp_path / "snapshot.json").read_text()


@pytest.mark.parametrize(
    "line",
    [
        f"connecting to redis://:{PLANTED}@198.18.0.1:6379/0",
        f'{{"message": "settings", "redis_password": "{PLANTED}"}}',
        f"Authorization: Bearer {PLANTED}.0123456789",
        "token eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl of the account",
        f"requirepass {PLANTED}",
        f"LAB_TOKEN={PLANTED}",
        f"AWS_SECRET_ACCESS_KEY={PLANTED}",
        f"authorization: {PLANTED}",
        f'{{"redis_password": "two words {PLANTED}"}}',
        f'{{"private_key": "{BEGIN}\\n{PLANTED}\\n{END}"}}',
        f"running: mysql --user me --pass {PLANTED}",
        f'{{"auths": {{"198.18.0.1:5000": {{"auth": "{PLANTED}"}}}}}}',
    ],
)
def test_no_secret_of_a_log_or_a_file_gets_into_a_snapshot(line: str) -> None:
    """Logs, ConfigMaps, answers of servers and the log of a build are searched."""
    config_map = {"metadata": {"name": "x"}, "data": {"redis.conf": f"a\n{line}\nb"}}
    snapshot = with_objects(with_log(healthy(), pod(), line), config_maps=(config_map,))
    store = snapshot.probes.store
    assert store is not None
    snapshot = with_probes(snapshot, build_log=(line,), store=replace(store, error=line))
    assert PLANTED not in repr(snapshot)
    assert "eyJzdWIi" not in repr(snapshot)
    assert "***" in snapshot.probes.build_log[0]


def test_a_private_key_is_hidden_line_by_line() -> None:
    """The number of lines stays."""
    snapshot = replace(healthy(), logs=(ContainerLog("p", "c", ("before", BEGIN, PLANTED, PLANTED, END, "after")),))
    assert PLANTED not in repr(snapshot)
    assert (len(snapshot.logs[0].lines), snapshot.logs[0].lines[-1]) == (6, "after")


def test_data_of_a_secret_is_dropped() -> None:
    """No snapshot asks for Secrets; a Secret would lose its data all the same."""
    assert redacted({"kind": "Secret", "metadata": {"name": "x"}, "data": {"a": "aHVudGVyMg=="}}) == {
        "kind": "Secret",
        "metadata": {"name": "x"},
    }


@pytest.mark.parametrize(
    "text",
    [
        "LAB_REDIS_PASSWORD_FILE=/run/secrets/redis/password",
        'MountVolume.SetUp failed for volume "token" : secret "lab-token" not found',
        "WRONGPASS invalid username-password pair or user is disabled.",
        "http://198.18.0.1:9090/api/v1/write",
        "no basic auth credentials",
        "tokenFile: /run/secrets/token",
        'REDISCLI_AUTH="$(cat /run/secrets/password)" redis-cli ping',
        '{"name": "LAB_RATE", "value": "7"}',
        "http://198.18.0.1:9090 is asked by me@198.18.0.2",
        "authorization failed: no token was sent",
    ],
)
def test_what_only_mentions_a_secret_stays(text: str) -> None:
    """Paths, names and sentences do."""
    assert without_secrets(text) == text
