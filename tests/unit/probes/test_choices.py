"""What the settings choose for a stack decides what `lab doctor` asks for."""

from pathlib import Path
from typing import Final

import pytest

from lab.probes.cluster_choices import choices_on_a_cluster
from lab.probes.local_choices import choices_here
from lab.settings import LabSettings, environment_with
from lab.snapshots.choices import ImageSetting, Source
from lab.snapshots.kubernetes import Toleration

PINNED: Final = "h:5000/server@sha256:" + "a" * 64
STORE: Final = "redis://h:6379/0"


def settings(folder: Path, **given: object) -> LabSettings:
    """Return settings of a project in a folder of its own."""
    return LabSettings.model_validate({"state_dir": folder / "state", **given})


@pytest.mark.parametrize(
    ("given", "store"),
    [
        ({}, ""),
        ({"redis_url": STORE}, "outside"),
        ({"redis_image": PINNED}, "inside"),
        ({"redis_url": STORE, "redis_image": PINNED}, "outside"),
    ],
)
def test_a_store_of_a_cluster_is_where_the_settings_say(given: dict[str, str], store: Source, tmp_path: Path) -> None:
    """A URL wins over an image; nothing is a choice, too, and a wrong one."""
    assert choices_on_a_cluster(settings(tmp_path, **given)).store == store


@pytest.mark.parametrize(("given", "store"), [({}, "inside"), ({"redis_url": STORE}, "outside")])
def test_on_this_machine_the_lab_starts_what_no_setting_names(
    given: dict[str, str], store: Source, tmp_path: Path
) -> None:
    """A stack never lacks a store here."""
    assert choices_here(settings(tmp_path, **given)).store == store


def test_images_are_named_with_their_settings(tmp_path: Path) -> None:
    """Only a digest names one image; a part that is outside needs none."""
    chosen = choices_on_a_cluster(
        settings(tmp_path, collector_image="h/collector:1", redis_image=PINNED, prometheus_url="http://h:9090")
    )
    assert chosen.images == (
        ImageSetting("LAB_COLLECTOR_IMAGE", "h/collector:1", is_pinned=False),
        ImageSetting("LAB_REDIS_IMAGE", PINNED, is_pinned=True),
    )


def test_where_pods_may_run_is_read_from_texts(tmp_path: Path) -> None:
    """The text itself is kept for next steps."""
    chosen = choices_on_a_cluster(settings(tmp_path, node_selector="zone=a", tolerations="board:NoSchedule"))
    assert dict(chosen.node_selector) == {"zone": "a"}
    assert chosen.tolerations == (Toleration.of_taint("board", effect="NoSchedule"),)
    assert chosen.tolerations_text == "board:NoSchedule"


def test_a_lock_that_is_not_there_tells_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an answer, not an error."""
    monkeypatch.chdir(tmp_path)
    lock = choices_on_a_cluster(settings(tmp_path)).lock
    assert lock is not None
    assert (lock.images, "images.lock" in lock.error) == ((), True)


def test_variables_that_are_empty_choose_nothing(tmp_path: Path) -> None:
    """An exporter that is named does."""
    with environment_with(OTEL_METRICS_EXPORTER="none", OTEL_SDK_DISABLED=""):
        chosen = choices_here(settings(tmp_path))
    assert chosen.environment == {"OTEL_METRICS_EXPORTER": "none"}
