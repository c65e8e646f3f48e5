"""No secret gets into a snapshot; what only mentions a secret stays."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lab.snapshots.files import save
from lab.snapshots.redaction import redacted, without_secrets
from lab.snapshots.snapshot import ContainerLog
from tests.unit.diagnosis.builders import healthy, pod, with_log, with_objects, with_pod, with_probes

PLANTED = "hunter2-planted"


PLACES: dict[str, Any] = {
    "variable": {"env": [{"name": "REDIS_PASSWORD", "value": PLANTED}]},
    "token": {"env": [{"name": "API_TOKEN", "value": PLANTED}]},
    "url": {"env": [{"name": "LAB_REDIS_URL", "value": f"redis://user:{PLANTED}@198.18.0.1:6379/0"}]},
    "flag": {"args": ["--requirepass", PLANTED]},
    "assigned flag": {"args": [f"--password={PLANTED}"]},
    "header": {"env": [{"name": "OTEL_EXPORTER_OTLP_HEADERS", "value": f"authorization=Bearer {PLANTED}-0123"}]},
}


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
    begin, end = "-----BEGIN " + "PRIVATE KEY-----", "-----END " + "PRIVATE KEY-----"
    snapshot = replace(healthy(), logs=(ContainerLog("p", "c", ("before", begin, PLANTED, PLANTED, end, "after")),))
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
    ],
)
def test_what_only_mentions_a_secret_stays(text: str) -> None:
    """Paths, names and sentences do."""
    assert without_secrets(text) == text
