"""What `lab doctor` tells of what the settings choose: registry, images, store, metrics server."""

from dataclasses import replace
from typing import Any

import pytest

from lab.diagnosis.doctor import Check
from lab.snapshots.answers import PrometheusProbe, StoreProbe
from lab.snapshots.choices import ImageSetting, LockedImage, LockProbe
from lab.snapshots.images import ImageProbe, Platform, RegistryProbe
from tests.rendered.samples import image
from tests.unit.diagnosis.before_cases import (
    BOTH,
    CLIENT,
    DIGEST,
    FIRST,
    SETTINGS,
    STORE,
    bad,
    before,
    check,
    held,
)


@pytest.mark.parametrize(
    ("registry", "words", "step"),
    [
        (RegistryProbe("h:5000", reachable=False, error="refused"), "refused", "docker start registry"),
        (RegistryProbe("h:5000", reachable=None, error="contradict"), "contradict", "lab config show"),
        (
            RegistryProbe("h:5000", reachable=True, error="it answers in plain HTTP", reason="E_REGISTRY_HTTP"),
            "plain HTTP",
            "LAB_REGISTRY_INSECURE=1",
        ),
        (
            RegistryProbe("h:5000", reachable=True, error="401: it wants a user", reason="FORBIDDEN"),
            "401",
            "LAB_REGISTRY_USER=name",
        ),
    ],
)
def test_a_registry_must_answer_as_the_settings_say(registry: RegistryProbe, words: str, step: str) -> None:
    """Nobody, settings that cannot be used, another scheme, a login."""
    here = check("registry", before(registries=(registry,)))
    assert not here.good
    assert words in here.found
    assert step in here.next_step


@pytest.mark.parametrize(
    ("store", "words", "step"),
    [
        (StoreProbe("h:6379", reachable=False, error="refused"), "refused", "ssh h "),
        (
            StoreProbe("h:6379", reachable=True, authenticated=False, error="NOAUTH"),
            "NOAUTH",
            "LAB_REDIS_PASSWORD_FILE",
        ),
        (replace(STORE, version="", error="LOADING"), "LOADING", "redis-cli"),
        (replace(STORE, kind="redis", version="6.2.1", speaks="6.2.1"), "need ≥ 7.0", "redis-server"),
        (
            replace(STORE, policy="allkeys-lru", durability="volatile"),
            "allkeys-lru, volatile",
            f"{CLIENT} config set maxmemory-policy noeviction && ",
        ),
        (
            replace(STORE, policy="allkeys-lru", durability="volatile"),
            "durability class volatile",
            f" && {CLIENT} config set appendonly yes",
        ),
    ],
)
def test_a_store_that_cannot_hold_the_ledger_is_found(store: StoreProbe, words: str, step: str) -> None:
    """The worst first; the step does not bring the stack up, which comes next anyway."""
    here = check("redis", before(store=store))
    assert not here.good
    assert words in here.found
    assert step in here.next_step
    assert "lab up" not in here.next_step


def test_a_store_that_can_is_good() -> None:
    """Also one that may not be asked how durable it is."""
    for probe in (STORE, replace(STORE, durability="unknown")):
        here = check("redis", before(store=probe))
        assert here == Check("redis", good=True, found=f"valkey 9.1.2 at h:6379, noeviction, {probe.durability}")


@pytest.mark.parametrize(("source", "good"), [("inside", True), ("", False)])
def test_a_server_is_outside_or_inside(source: Any, *, good: bool) -> None:
    """Or nowhere, which is a fault."""
    settings = replace(SETTINGS, store=source, prometheus=source, redis_url="", prometheus_url="")
    here = before(settings=settings, store=None, prometheus=None)
    assert bad(here) == (set() if good else {"redis", "prometheus"})
    words = "inside the cluster; lab up makes it" if good else "neither outside (redis_url) nor inside (redis_image)"
    assert words in check("redis", here).found


@pytest.mark.parametrize(
    ("probe", "writes_to", "good", "words"),
    [
        (PrometheusProbe("http://h", reachable=True, receives=True), "", True, "remote-write receiver on"),
        (PrometheusProbe("http://h", reachable=True, receives=False, error="404: off"), "", False, "receiver is off"),
        (
            PrometheusProbe("http://h", reachable=True, receives=False, error="404: off"),
            "none",
            True,
            "honor_labels: true",
        ),
        (
            PrometheusProbe("http://h", reachable=True, receives=False),
            "http://other/api/v1/write",
            True,
            "http://other",
        ),
        (PrometheusProbe("http://h", reachable=True, receives=None, error="401: no"), "", False, "401"),
        (PrometheusProbe("http://h", reachable=False, error="timed out"), "", False, "timed out"),
    ],
)
def test_a_metrics_server_must_take_what_is_written_to_it(
    probe: PrometheusProbe, writes_to: str, *, good: bool, words: str
) -> None:
    """Unless the collector writes to another, or is scraped."""
    settings = replace(SETTINGS, remote_write_url=writes_to)
    here = check("prometheus", before(settings=settings, prometheus=replace(probe, version="2.42.0")))
    assert (here.good, bool(here.next_step)) == (good, not good)
    assert words in here.found


@pytest.mark.parametrize(
    ("reference", "known", "good", "step"),
    [
        (FIRST, held(FIRST, "amd64"), True, ""),
        (FIRST, ImageProbe(FIRST), True, ""),
        (FIRST, ImageProbe(FIRST, found=False), False, f"export LAB_REDIS_IMAGE={FIRST.partition('@')[0]}@sha256:…"),
        ("", ImageProbe(""), False, "export LAB_REDIS_IMAGE=host/name@sha256:…"),
        (
            FIRST,
            ImageProbe(FIRST, found=True, platforms=(Platform("amd64", DIGEST, "arm64"),)),
            False,
            "export LAB_REDIS_IMAGE=",
        ),
        (
            "h:5000/redis:7",
            ImageProbe("h:5000/redis:7", found=True, index_digest="sha256:1", platforms=BOTH),
            False,
            f"export LAB_REDIS_IMAGE=h:5000/redis@{DIGEST}",
        ),
    ],
)
def test_an_image_is_named_by_the_digest_of_its_architecture(
    reference: str, known: ImageProbe, *, good: bool, step: str
) -> None:
    """Where the registry has it, the step holds the digest."""
    named = ImageSetting("LAB_REDIS_IMAGE", reference, is_pinned=reference == FIRST)
    here = check("redis_image", before(settings=replace(SETTINGS, images=(named,)), images=(known,)))
    assert here.good is good
    assert here.next_step.startswith(step)


def test_images_that_are_missing_or_of_another_architecture_are_named() -> None:
    """With digests cut short, and not more than three."""
    locked = tuple(
        LockedImage("ingest-api", architecture, image("ingest-api", architecture))
        for architecture in ("amd64", "arm64")
    )
    settings = replace(SETTINGS, images=(), lock=LockProbe("h:5000", "dev", locked))
    right = [held(each.reference, each.architecture) for each in locked]
    good = check("images", before(settings=settings, images=tuple(right)))
    assert good == Check("images", good=True, found="images.lock of h:5000, tag dev: all 2 there")
    assert check("images", before(settings=settings, images=())).found.endswith("not looked for")
    digest = right[1].platforms[0].digest
    wrong = replace(right[1], platforms=(Platform("arm64", digest, "amd64"),))
    here = check("images", before(settings=settings, images=(ImageProbe(right[0].reference, found=False), wrong)))
    assert not here.good
    assert "0 of 2 there; not there: 198.18.0.1:5000/ingest-api@" in here.found
    assert here.found.endswith("holds amd64")
    silent = ImageProbe(right[0].reference, error="timed out")
    assert "(timed out)" in check("images", before(settings=settings, images=(silent, right[1]))).found


@pytest.mark.parametrize(
    ("lock", "words", "step"),
    [
        (LockProbe(error="no images.lock yet"), "no images.lock yet", "lab images resolve"),
        (LockProbe(missing=(("query-api", "arm64"),)), "no image of query-api for arm64", "lab images build"),
    ],
)
def test_a_lock_must_name_every_image(lock: LockProbe, words: str, step: str) -> None:
    """For each architecture of the settings."""
    here = check("images", before(settings=replace(SETTINGS, lock=lock)))
    assert (here.good, here.next_step) == (False, step)
    assert words in here.found
