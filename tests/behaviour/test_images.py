"""Images against a real registry: resolved to digests, proven by their bytes, refused with a next step."""

import base64
import http.server
import json
import struct
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Self

import pytest

from lab.cli import main
from lab.errors import BadConfig, DataFault, Forbidden, LabError, Unavailable
from lab.images.access import RegistryAccess
from lab.images.check import check
from lab.images.lock import ImageLock
from lab.images.registry import Registry
from lab.images.resolve import resolve
from lab.systems.services import SERVICES
from tests import registry as real
from tests.registry import DOCKER_LIST, DOCKER_MANIFEST, INDEX, MANIFEST, Pair, Pusher, Running, layer

if real.find_registry() is None:
    pytest.skip("no docker-registry on this machine; make servers fetches it with apt", allow_module_level=True)
MACHINES: Final = {"amd64": 62, "arm64": 183}
APP: Final = layer({"app/services/__init__.py": b""})
SERVICE: Final = "ingest-api"


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Running]:
    """Run a registry in plain HTTP that lets everybody in."""
    with real.running(tmp_path) as registry:
        yield registry


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """Return a certificate for 127.0.0.1."""
    return real.self_signed(tmp_path_factory.mktemp("pair"))


def python_for(machine: str, *, compiled_for: str = "") -> bytes:
    """Return a layer with a file that has the ELF header of a Python, and with a native module."""
    header = b"\x7fELF\x02\x01\x01" + bytes(9)
    return layer(
        {
            "usr/bin/python3.11": header + struct.pack("<HH", 2, MACHINES[compiled_for or machine]) + bytes(44),
            "usr/bin/README": b"text",
            "app/dependencies/numpy/core.so": header + struct.pack("<HH", 3, MACHINES[machine]) + bytes(44),
        }
    )


def pushed(
    url: str, *, service: str = SERVICE, tag: str = "dev", kinds: tuple[str, str] = (INDEX, MANIFEST), **wrong: str
) -> dict[str, str]:
    """Push an index of amd64 and arm64 with its attestations, as buildx does, and return architecture → digest.

    *wrong*: architecture → the architecture that its Python is really compiled for.
    """
    digests, entries = {}, []
    unknown = {"architecture": "unknown", "os": "unknown"}
    with Pusher(url, service) as pusher:
        for machine in MACHINES:
            platform = {"architecture": machine, "os": "linux"}
            image = pusher.image(platform, [python_for(machine, compiled_for=wrong.get(machine, "")), APP], kinds[1])
            statement = pusher.image(unknown, [layer({"statement": b"{}"})])
            notes = {
                "vnd.docker.reference.type": "attestation-manifest",
                "vnd.docker.reference.digest": image["digest"],
            }
            digests[machine] = str(image["digest"])
            entries.append({**image, "platform": platform})
            entries.append({**statement, "platform": unknown} | ({"annotations": notes} if kinds[0] == INDEX else {}))
        pusher.manifest({"schemaVersion": 2, "mediaType": kinds[0], "manifests": entries}, tag)
    return digests


def opened(running: Running, **more: Any) -> Registry:
    """Return a client of a registry in plain HTTP."""
    return Registry(RegistryAccess(running.host, plain_http=True, **more))


def refusal(error: LabError) -> list[str]:
    """Return the lines of an error: at most five, the last of which is the next step."""
    lines = str(error).splitlines()
    assert len(lines) <= 5
    assert "  do: " in lines[-1]
    return lines


class TestResolving:
    """A tag becomes one digest for each architecture."""

    @pytest.mark.parametrize("kinds", [(INDEX, MANIFEST), (DOCKER_LIST, DOCKER_MANIFEST)], ids=["oci", "docker"])
    def test_an_index_gives_a_digest_for_each_architecture(self, registry: Running, kinds: tuple[str, str]) -> None:
        """An index of either kind; attestations are no images."""
        digests = pushed(f"http://{registry.host}", kinds=kinds)
        with opened(registry) as source:
            lock = resolve(source, [SERVICE], "dev")
        assert lock == ImageLock(registry.host, "dev", {SERVICE: digests})
        assert lock.reference(SERVICE, "arm64") == f"{registry.host}/{SERVICE}@{digests['arm64']}"

    def test_a_single_image_is_of_the_architecture_in_its_configuration(self, registry: Running) -> None:
        """There is no index to ask."""
        with Pusher(f"http://{registry.host}", f"team/{SERVICE}") as pusher:
            config = pusher.blob(b'{"architecture": "arm64", "os": "linux"}')
            image = pusher.manifest({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": []}, "dev")
        with opened(registry, prefix="team") as source:
            lock = resolve(source, [SERVICE], "dev")
        assert lock.images == {SERVICE: {"arm64": image["digest"]}}

    def test_a_tag_that_was_not_pushed_is_named(self, registry: Running) -> None:
        """The error has the command that pushes it."""
        pushed(f"http://{registry.host}")
        with opened(registry) as source, pytest.raises(Unavailable) as missing:
            resolve(source, [SERVICE], "v2")
        assert f"{SERVICE}:v2" in refusal(missing.value)[0]
        assert "lab images build" in str(missing.value)

    def test_a_service_that_was_not_pushed_is_named(self, registry: Running) -> None:
        """The registry knows no such repository."""
        with opened(registry) as source, pytest.raises(Unavailable, match=f"no {SERVICE}:dev in the registry"):
            resolve(source, [SERVICE], "dev")


class TestChecking:
    """A lock is checked against the bytes in the registry."""

    def test_what_was_resolved_is_proven(self, registry: Running) -> None:
        """Configuration and machine code agree on both architectures."""
        pushed(f"http://{registry.host}")
        with opened(registry) as source:
            proofs = check(source, resolve(source, [SERVICE], "dev"))
        assert [(proof.architecture, proof.built_for, proof.fault) for proof in proofs] == [
            ("amd64", "amd64", None),
            ("arm64", "arm64", None),
        ]
        assert [binary.path for proof in proofs for binary in proof.interpreters] == ["usr/bin/python3.11"] * 2
        assert [proof.natives for proof in proofs] == [1, 1]

    def test_a_configuration_that_lies_is_found_by_the_machine_code(self, registry: Running) -> None:
        """Index and configuration say arm64; the interpreter was compiled for amd64."""
        pushed(f"http://{registry.host}", arm64="amd64")
        with opened(registry) as source:
            good, bad = check(source, resolve(source, [SERVICE], "dev"))
        assert good.fault is None
        assert isinstance(bad.fault, BadConfig)
        assert bad.fault.reason == "E_ARCH"
        assert "says amd64 (e_machine 62)" in "\n".join(refusal(bad.fault))

    def test_an_index_that_lies_is_found_by_the_configuration(self, registry: Running) -> None:
        """The entry for arm64 names the amd64 image."""
        digests = pushed(f"http://{registry.host}")
        lock = ImageLock(registry.host, "dev", {SERVICE: {"arm64": digests["amd64"]}})
        with opened(registry) as source:
            [bad] = check(source, lock)
        assert bad.fault is not None
        assert "its configuration says linux/amd64" in refusal(bad.fault)[1]

    def test_an_index_in_the_lock_is_refused(self, registry: Running) -> None:
        """The node's runtime would choose the architecture."""
        pushed(f"http://{registry.host}")
        with opened(registry) as source:
            index = source.manifest(SERVICE, "dev").digest
            [bad] = check(source, ImageLock(registry.host, "dev", {SERVICE: {"arm64": index}}))
        assert bad.fault is not None
        assert "is an index" in refusal(bad.fault)[0]

    @pytest.mark.parametrize("where", ["layer", "config", "manifest"])
    def test_a_changed_byte_is_found(self, registry: Running, where: str) -> None:
        """In a layer, a configuration or a manifest: all bytes are compared with their digest."""
        digests = pushed(f"http://{registry.host}")
        with opened(registry) as source:
            manifest = json.loads(source.manifest(SERVICE, digests["amd64"]).body)
            descriptors = {
                "layer": manifest["layers"][0],
                "config": manifest["config"],
                "manifest": {"digest": digests["amd64"]},
            }
            spoil(registry.file_of(descriptors[where]["digest"]))
            bad, good = check(source, ImageLock(registry.host, "dev", {SERVICE: digests}))
        assert good.fault is None
        assert bad.fault is not None
        if where != "manifest":  # this registry checks manifests itself, and answers with an error
            assert isinstance(bad.fault, DataFault)
            assert bad.fault.reason == "DIGEST_MISMATCH"
            assert "was changed" in refusal(bad.fault)[0]

    def test_a_layer_that_is_gone_is_found(self, registry: Running) -> None:
        """Also where the bytes are known from the image of another service."""
        digests = pushed(f"http://{registry.host}")
        with opened(registry) as source:
            manifest = json.loads(source.manifest(SERVICE, digests["amd64"]).body)
            registry.file_of(manifest["layers"][1]["digest"]).unlink()
            proofs = check(source, ImageLock(registry.host, "dev", {SERVICE: digests}))
        assert all(proof.fault is not None and "there is no" in str(proof.fault) for proof in proofs)


class TestRefusals:
    """Every refusal of a registry is an error with a next step."""

    def test_plain_http_where_https_was_expected(self, registry: Running) -> None:
        """The failure that this project was born from, found before anything is deployed."""
        with Registry(RegistryAccess(registry.host)) as source, pytest.raises(BadConfig) as failure:
            source.ping()
        assert failure.value.reason == "E_REGISTRY_HTTP"
        assert "LAB_REGISTRY_INSECURE=1" in refusal(failure.value)[-1]
        assert "lab registry config" in refusal(failure.value)[-1]

    def test_https_where_plain_http_was_expected(self, tmp_path: Path, pair: Pair) -> None:
        """And the reverse."""
        with (
            real.running(tmp_path, pair=pair) as running,
            opened(running) as source,
            pytest.raises(BadConfig) as failure,
        ):
            source.ping()
        assert failure.value.reason == "E_REGISTRY_HTTPS"
        assert "LAB_REGISTRY_CA_FILE" in refusal(failure.value)[-1]

    def test_a_certificate_of_an_own_ca_is_trusted_when_the_ca_is_given(self, tmp_path: Path, pair: Pair) -> None:
        """Refused without it; nothing ever skips the check."""
        with real.running(tmp_path, pair=pair) as running:
            with Registry(RegistryAccess(running.host)) as source, pytest.raises(BadConfig) as failure:
                source.ping()
            with Registry(RegistryAccess(running.host, ca_file=pair.certificate)) as source:
                source.ping()
        assert failure.value.reason == "E_REGISTRY_CA"
        assert "LAB_REGISTRY_CA_FILE" in refusal(failure.value)[-1]

    def test_nobody_answers(self, tmp_path: Path) -> None:
        """A registry that is down is not a missing image."""
        with real.running(tmp_path) as stopped:
            pass
        with opened(stopped) as source, pytest.raises(Unavailable, match="cannot reach the registry"):
            source.ping()

    def test_a_password_opens_the_door(self, tmp_path: Path) -> None:
        """Without a password, or with a wrong one, the registry refuses; no message holds a password."""
        (tmp_path / "right").write_text(f"{real.PASSWORD}\n")
        (tmp_path / "wrong").write_text("let me in")
        with real.running(tmp_path, signed_in=True) as running:
            with opened(running) as source, pytest.raises(Forbidden) as anonymous:
                source.ping()
            with (
                opened(running, user=real.USER, password_file=tmp_path / "wrong") as source,
                pytest.raises(Forbidden) as wrong,
            ):
                source.ping()
            with opened(running, user=real.USER, password_file=tmp_path / "right") as source:
                source.ping()
        assert "it wants a user" in refusal(anonymous.value)[1]
        assert real.USER in refusal(wrong.value)[1]
        assert "let me in" not in str(wrong.value)


class TestTokens:
    """A registry may name a token server at another address."""

    def test_a_token_is_fetched_for_each_repository(self, tmp_path: Path) -> None:
        """For its scope, signed in where a user is configured."""
        (tmp_path / "password").write_text("s3cret")
        with TokenRegistry() as registry:
            access = RegistryAccess(registry.host, plain_http=True, user="me", password_file=tmp_path / "password")
            with Registry(access) as source:
                source.ping()
                body = source.manifest(SERVICE, "dev").body
                source.manifest(SERVICE, "dev")
        assert body == registry.body
        assert registry.requests == [
            "/token?service=tests",
            f"/token?service=tests&scope=repository%3A{SERVICE}%3Apull",
        ]
        assert registry.signed_in == ["me:s3cret"] * 2

    def test_a_password_is_not_sent_to_a_place_that_could_be_overheard(self, tmp_path: Path) -> None:
        """The realm is in plain HTTP, and on another host than the configured one."""
        (tmp_path / "password").write_text("s3cret")
        with TokenRegistry(realm="http://127.0.0.2:1/token") as registry:
            access = RegistryAccess(registry.host, plain_http=True, user="me", password_file=tmp_path / "password")
            with Registry(access) as source, pytest.raises(BadConfig, match="cannot sign in"):
                source.ping()
        assert registry.requests == []

    def test_a_token_server_whose_address_is_none_is_named(self) -> None:
        """No request is sent anywhere."""
        with TokenRegistry(realm="https://host:port/token") as registry:
            access = RegistryAccess(registry.host, plain_http=True)
            with Registry(access) as source, pytest.raises(BadConfig, match="cannot sign in") as failure:
                source.ping()
        assert "https://host:port/token" in refusal(failure.value)[1]
        assert registry.requests == []


class TestCommands:
    """The commands."""

    def test_from_tag_to_proof(self, registry: Running, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """`resolve` writes the lock that `check` proves; a planted wrong architecture ends in exit 78."""
        with real.project_of(tmp_path, registry.host) as project:
            for service in SERVICES:
                pushed(f"http://{registry.host}", service=service)
            assert main(["images", "resolve"]) == 0
            lock = json.loads((project / "images.lock").read_text())
            assert (lock["schema"], sorted(lock["images"])) == (1, sorted(SERVICES))
            capsys.readouterr()
            assert main(["images", "check", "--json"]) == 0
            assert {proof["built_for"] for proof in json.loads(capsys.readouterr().out)} == set(MACHINES)
            pushed(f"http://{registry.host}", service="simulator", tag="dev", amd64="arm64")
            assert main(["images", "resolve"]) == 0
            assert main(["images", "check"]) == 78
        output = capsys.readouterr()
        assert "✗ simulator" in output.out
        assert "is locked for amd64 and built for another platform" in output.err

    def test_a_lock_of_another_registry_is_not_checked_against_this_one(
        self, registry: Running, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The message names both."""
        with real.project_of(tmp_path, registry.host) as project:
            digest = f"sha256:{'0' * 64}"
            lock = {"schema": 1, "registry": "other:5000", "tag": "dev", "images": {SERVICE: {"amd64": digest}}}
            (project / "images.lock").write_text(json.dumps(lock))
            assert main(["images", "check"]) == 64
        message = capsys.readouterr().err
        assert "other:5000" in message
        assert registry.host in message


def spoil(file: Path) -> None:
    """Flip one bit."""
    body = bytearray(file.read_bytes())
    body[len(body) // 2] ^= 1
    file.write_bytes(body)


class TokenRegistry:
    """A registry with one manifest that demands a token, and its token server."""

    def __init__(self, realm: str = "") -> None:
        self.requests: list[str] = []
        self.signed_in: list[str] = []
        self.body = b'{"schemaVersion": 2, "manifests": []}'
        server = self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.host = f"127.0.0.1:{server.server_port}"
        self.realm = realm or f"http://{self.host}/token"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        registry = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, headers, body = registry.answer(self.path, self.headers.get("Authorization", ""))
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Nothing."""

        return Handler

    def answer(self, path: str, authorization: str) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and body for a path."""
        if path.startswith("/token"):
            self.requests.append(path)
            self.signed_in.append(base64.b64decode(authorization.removeprefix("Basic ")).decode())
            return 200, {}, json.dumps({"token": f"for {path.rpartition('=')[2]}"}).encode()
        scope = f"repository:{path.split('/')[2]}:pull" if path != "/v2/" else ""
        if authorization == f"Bearer for {scope.replace(':', '%3A') or 'tests'}":
            return 200, {}, self.body
        challenge = f'Bearer realm="{self.realm}",service="tests"' + (f',scope="{scope}"' if scope else "")
        return 401, {"WWW-Authenticate": challenge}, b"{}"
