"""A snapshot is kept as it was, without secrets."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lab.diagnosis.diagnose import diagnose
from lab.errors import DataFault
from lab.snapshots.redaction import redacted, without_secrets
from lab.snapshots.snapshot import ContainerLog, load, save
from tests.unit.diagnosis.builders import healthy, pod, with_log, with_objects, with_pod, with_probes
from tests.unit.diagnosis.cases import CASES, Case

PLANTED = "hunter2-planted"


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_snapshot_comes_back_as_it_was(case: Case, tmp_path: Path) -> None:
    """And gives the same diagnosis."""
    save(case.snapshot, tmp_path / "look.json")
    again = load(tmp_path / "look.json")
    assert again == case.snapshot
    assert diagnose(again) == diagnose(case.snapshot)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"schema": 2, "snapshot": {}}', "schema 2, this lab reads 1"),
        ("[]", "schema None"),
        ('{"schema": 1, "snapshot": {"namespace": 5}}', "namespace"),
        ('{"schema": 1', "JSONDecodeError"),
    ],
)
def test_a_file_that_is_no_snapshot_is_refused(text: str, words: str, tmp_path: Path) -> None:
    """With what was found in it."""
    (tmp_path / "look.json").write_text(text)
    with pytest.raises(DataFault) as caught:
        load(tmp_path / "look.json")
    assert words in str(caught.value)
    assert len(str(caught.value).splitlines()) <= 5


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
    """Wherever it stands, also in what was last applied."""
    thing = pod()
    thing["spec"]["containers"][0] |= PLACES[place]
    applied = {"kubectl.kubernetes.io/last-applied-configuration": json.dumps(thing)}
    thing["metadata"]["annotations"] = applied
    here = with_pod(healthy(), thing)
    save(here, tmp_path / "look.json")
    assert PLANTED not in repr(here)
    assert PLANTED not in (tmp_path / "look.json").read_text()


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
    """In logs, in ConfigMaps, in what a server answered, in the log of a build."""
    here = with_log(healthy(), pod(), line)
    here = with_objects(here, config_maps=({"metadata": {"name": "x"}, "data": {"redis.conf": f"a\n{line}\nb"}},))
    store = here.probes.store
    assert store is not None
    here = with_probes(here, build_log=(line,), store=replace(store, error=line))
    assert PLANTED not in repr(here)
    assert "eyJzdWIi" not in repr(here)
    assert "***" in here.probes.build_log[0]


def test_a_private_key_is_hidden_line_by_line() -> None:
    """The lines after it keep their numbers."""
    begin, end = "-----BEGIN " + "PRIVATE KEY-----", "-----END " + "PRIVATE KEY-----"
    here = replace(healthy(), logs=(ContainerLog("p", "c", ("before", begin, PLANTED, PLANTED, end, "after")),))
    assert PLANTED not in repr(here)
    assert (len(here.logs[0].lines), here.logs[0].lines[-1]) == (6, "after")


def test_data_of_a_secret_is_dropped() -> None:
    """Even where somebody hands one in."""
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
def test_what_is_no_secret_stays(text: str) -> None:
    """A path, a name, a sentence about one."""
    assert without_secrets(text) == text
