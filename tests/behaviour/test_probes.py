"""What probes return of the servers that a stack depends on; each a real server on loopback."""

import json
from base64 import b64encode
from pathlib import Path
from typing import Final

import pytest

from lab.errors import Unavailable
from lab.metrics.prometheus import open_prometheus
from lab.model import StoreLogin
from lab.probes.prometheus import probe_prometheus
from lab.probes.registry import probe_images, probe_registry
from lab.probes.store import probe_store
from lab.settings import LabSettings
from lab.targets.processes.metrics.metrics_server import find_prometheus
from tests import programs, registry
from tests.registry import HTPASSWD, INDEX, PASSWORD, USER, Pusher

DURABLE: Final = {"appendonly": "yes", "appendfsync": "always"}

needs_a_registry = pytest.mark.skipif(registry.find_registry() is None, reason="no docker-registry: make servers")
needs_prometheus = pytest.mark.skipif(find_prometheus(LabSettings()) is None, reason="no prometheus: make servers")


@pytest.mark.parametrize(
    ("options", "policy", "durability"),
    [
        (DURABLE, "noeviction", "durable"),
        ({**DURABLE, "appendfsync": "everysec"}, "noeviction", "window"),
        ({"maxmemory-policy": "allkeys-lru"}, "allkeys-lru", "volatile"),
    ],
)
def test_a_store_is_seen_as_it_is(tmp_path: Path, options: dict[str, str], policy: str, durability: str) -> None:
    """Policy, durability class, and whose commands it has."""
    with programs.store_url(tmp_path, options) as url:
        probe = probe_store(url, None, None)
    assert (probe.reachable, probe.authenticated, probe.error) == (True, True, "")
    assert (probe.policy, probe.durability) == (policy, durability)
    assert probe.kind == "valkey"
    assert probe.speaks >= "7.2"


def test_a_store_that_may_not_be_asked_is_of_unknown_durability(tmp_path: Path) -> None:
    """What it does tell is used."""
    (tmp_path / "users.acl").write_text("user default on nopass ~* &* +@all -config\n")
    with programs.store_url(tmp_path, {**DURABLE, "aclfile": str(tmp_path / "users.acl")}) as url:
        probe = probe_store(url, None, None)
    assert (probe.authenticated, probe.policy, probe.durability) == (True, "noeviction", "unknown")


@pytest.mark.parametrize(("content", "is_in"), [(b"open sesame\n", True), (b"wrong", False), (None, False)])
def test_a_store_lets_in_who_knows_the_password(tmp_path: Path, content: bytes | None, *, is_in: bool) -> None:
    """It answers the others, too, and its own words are kept."""
    file = tmp_path / "password"
    if content is not None:
        file.write_bytes(content)
    with programs.store_url(tmp_path, {**DURABLE, "requirepass": "open sesame"}) as url:
        probe = probe_store(url, StoreLogin(file) if content is not None else None, None)
    assert (probe.reachable, probe.authenticated) == (True, is_in)
    assert probe.error.split(" ")[0] == ("" if is_in else "NOAUTH" if content is None else "WRONGPASS")


def test_a_store_that_is_not_there_is_not_reached() -> None:
    """With the reason and the address."""
    probe = probe_store("redis://127.0.0.1:1/0", None, None)
    assert (probe.address, probe.reachable, probe.error) == ("127.0.0.1:1", False, "Connection refused")


def test_a_password_that_cannot_be_read_is_a_fault_of_the_configuration(tmp_path: Path) -> None:
    """The file is named, and the store was not asked."""
    probe = probe_store("redis://127.0.0.1:1/0", StoreLogin(tmp_path / "nothing"), None)
    assert probe.reachable is None
    assert "cannot read" in probe.error
    assert str(tmp_path / "nothing") in probe.error


@needs_prometheus
@pytest.mark.parametrize(("flags", "receives"), [(["--web.enable-remote-write-receiver"], True), ([], False)])
def test_a_receiver_is_found_on_or_off(tmp_path: Path, flags: list[str], *, receives: bool) -> None:
    """By a write without samples; the server's own words are kept where it is off."""
    with programs.prometheus(tmp_path, *flags) as url:
        probe = probe_prometheus(url, LabSettings())
    assert (probe.reachable, probe.receives) == (True, receives)
    assert ("needs to be enabled" in probe.error) is not receives
    assert probe.version[0].isdigit()


def test_who_is_no_prometheus_is_not_reached(tmp_path: Path) -> None:
    """Nobody, or somebody who speaks otherwise."""
    assert probe_prometheus("http://127.0.0.1:1", LabSettings()).error == "Connection refused"
    with programs.store_url(tmp_path, DURABLE) as url:
        assert not probe_prometheus(url.replace("redis", "http"), LabSettings()).reachable
    with programs.prometheus(tmp_path) as url:
        probe = probe_store(url.replace("http", "redis"), None, None)
    assert not probe.reachable
    assert "not an answer of Redis" in probe.error


def test_an_address_that_is_none_is_told(tmp_path: Path) -> None:
    """In place of a traceback."""
    assert "http://host:port is needed" in probe_prometheus("prometheus:9090", LabSettings()).error
    assert not probe_store("redis://127.0.0.1:port/0", None, None).reachable


def settings_for(host: str, **more: object) -> LabSettings:
    """Settings that name a registry."""
    return LabSettings.model_validate({"registry": host, "registry_insecure": True, **more})


@needs_a_registry
def test_images_are_seen_by_tag_and_by_digest(tmp_path: Path) -> None:
    """Index and architectures; what is not there comes with the tags that are."""
    with registry.running(tmp_path) as running:
        with Pusher(f"http://{running.host}", "app") as pusher:
            entries = []
            for architecture in ("amd64", "arm64"):
                image = pusher.image({"architecture": architecture, "os": "linux"}, [registry.layer({"a": b"b"})])
                entries.append(image | {"platform": {"architecture": architecture, "os": "linux"}})
            index = pusher.manifest({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}, "dev")
        name, settings = f"{running.host}/app", settings_for(running.host)
        digest = str(entries[1]["digest"])
        references = (f"{name}:dev", f"{name}@{digest}", f"{name}:other", f"{running.host}/nobody:dev")
        by_tag, by_digest, absent, nobody = probe_images(references, settings)
    assert (by_tag.found, by_tag.index_digest) == (True, index["digest"])
    assert [(platform.architecture, platform.holds) for platform in by_tag.platforms] == [
        ("amd64", "amd64"),
        ("arm64", "arm64"),
    ]
    assert (by_digest.found, by_digest.index_digest) == (True, "")
    sibling = str(entries[0]["digest"])
    held = [(platform.digest, platform.holds) for platform in by_digest.platforms]
    assert held == [(digest, "arm64"), (sibling, "amd64")], "the image that was named, then the others of its index"
    assert (absent.found, absent.tags, nobody.found, nobody.tags) == (False, ("dev",), False, ())
    assert (absent.nearest, absent.platforms, absent.index_digest) == ("dev", by_tag.platforms, "")
    [unseen] = probe_images([f"{name}:dev"], settings)
    assert unseen.found is None


@needs_a_registry
def test_a_registry_is_seen_with_what_it_speaks(tmp_path: Path) -> None:
    """Whatever the settings say of it; one that wants a user answers, too."""
    with registry.running(tmp_path) as running:
        plain = probe_registry(settings_for(running.host))
        other = probe_registry(settings_for(running.host, registry_insecure=False))
    gone = probe_registry(settings_for(running.host))
    assert plain is not None
    assert other is not None
    assert gone is not None
    assert (plain.reachable, plain.scheme, plain.error) == (True, "http", "")
    assert (other.reachable, other.scheme, other.error) == (True, "http", "it answers in plain HTTP")
    assert (gone.reachable, gone.scheme) == (False, "")
    with registry.running(tmp_path, signed_in=True) as running:
        locked = probe_registry(settings_for(running.host))
    assert locked is not None
    assert (locked.reachable, locked.error) == (True, "401: it wants a user")


@needs_prometheus
def test_a_prometheus_behind_tls_wants_its_ca_and_a_password(tmp_path: Path) -> None:
    """Both are settings; the lab's own queries use them for that one server alone."""
    pair = registry.self_signed(tmp_path)
    (tmp_path / "authorization").write_text(f"Basic {b64encode(f'{USER}:{PASSWORD}'.encode()).decode()}\n")
    web = {
        "tls_server_config": {"cert_file": str(pair.certificate), "key_file": str(pair.key)},
        "basic_auth_users": {USER: HTPASSWD.strip().partition(":")[2]},
    }
    (tmp_path / "web.yml").write_text(json.dumps(web))
    flags = (f"--web.config.file={tmp_path / 'web.yml'}", "--web.enable-remote-write-receiver")
    with programs.prometheus(tmp_path, *flags) as plain:
        url = plain.replace("http:", "https:")
        files = {"prometheus_authorization_file": tmp_path / "authorization", "prometheus_ca_file": pair.certificate}
        settings = LabSettings.model_validate({"prometheus_url": url, **files})
        with_ca = settings.model_copy(update={"prometheus_authorization_file": None})
        untrusted, denied = probe_prometheus(url, LabSettings()), probe_prometheus(url, with_ca)
        let_in = probe_prometheus(url, settings)
        open_prometheus(url, settings).newest("up")
        with pytest.raises(Unavailable):
            open_prometheus(url.replace("127.0.0.1", "localhost"), settings).newest("up")
    assert untrusted.reachable
    assert "CERTIFICATE_VERIFY_FAILED" in untrusted.error
    assert (denied.reachable, denied.receives, denied.error[:3]) == (True, None, "401")
    assert (let_in.reachable, let_in.receives, let_in.error) == (True, True, "")
