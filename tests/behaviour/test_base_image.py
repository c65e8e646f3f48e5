"""The base image is pinned by the digest that a real registry has for its tag, for every platform."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from lab.cli import main
from lab.images.bake import FILE_NAME, read_bake
from tests import registry as real
from tests.registry import INDEX, Pusher, Running, layer

if real.find_registry() is None:
    pytest.skip("no docker-registry on this machine; make servers fetches it with apt", allow_module_level=True)
PROJECT: Final = Path(__file__).parents[2]
NAME: Final = "team/python"


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Running]:
    """Run a registry in plain HTTP that lets everybody in."""
    with real.running(tmp_path) as registry:
        yield registry


@pytest.fixture
def bake(registry: Running, tmp_path: Path) -> Iterator[Path]:
    """Yield a copy of the bake file in a project whose settings name the registry."""
    with real.project_of(tmp_path, f"{registry.host}/other") as project:
        shutil.copy(PROJECT / FILE_NAME, project)
        yield project / FILE_NAME


def pushed(registry: Running, *machines: str, content: bytes = b"") -> str:
    """Push a base image for some architectures under the tag `3`; return the digest of the index."""
    with Pusher(f"http://{registry.host}", NAME) as pusher:
        entries = [
            {
                **pusher.image({"architecture": machine, "os": "linux"}, [layer({"python": content})]),
                "platform": {"architecture": machine, "os": "linux", "variant": variant},
            }
            for machine, _, variant in (name.partition("/") for name in machines)
        ]
        return str(pusher.manifest({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}, "3")["digest"])


def test_a_tag_gets_the_digest_of_its_index(registry: Running, bake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All else in the bake file stays. Other architectures, also two of one name, do not matter."""
    before, digest = bake.read_text(), pushed(registry, "amd64", "arm64", "arm/v5", "arm/v7")
    name = f"{registry.host}/{NAME}:3"
    assert main(["images", "base", name]) == 0
    assert capsys.readouterr().out.split() == [f"{name}@{digest}", "amd64,", "arm,", "arm64"]
    assert bake.read_text() == before.replace("docker.io/library/python:3.11-slim", f"{name}@{digest}")
    assert {target.args["BASE"] for target in read_bake(bake, {})} == {f"{name}@{digest}"}


def test_a_pinned_base_is_asked_for_anew(registry: Running, bake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The tag has moved; without an argument the command asks for the base of the bake file."""
    first = pushed(registry, "amd64", "arm64")
    assert main(["images", "base", f"{registry.host}/{NAME}:3"]) == 0
    second = pushed(registry, "amd64", "arm64", content=b"new")
    capsys.readouterr()
    assert main(["images", "base", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer == {"reference": f"{registry.host}/{NAME}:3@{second}", "architectures": ["amd64", "arm64"]}
    assert first not in bake.read_text()


def test_a_base_without_a_platform_is_refused(
    registry: Running, bake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The bake file stays as it is. An image without an index is for one architecture, whichever that is."""
    before = bake.read_bytes()
    pushed(registry, "amd64")
    assert main(["images", "base", f"{registry.host}/{NAME}:3"]) == 65
    error = capsys.readouterr().err
    assert "it has no image for linux/arm64; it has: amd64" in error
    assert len(error.partition("lab: ")[2].splitlines()) <= 5
    assert bake.read_bytes() == before


def test_a_base_that_is_not_there_is_named(registry: Running, bake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The bake file stays as it is."""
    before = bake.read_bytes()
    assert main(["images", "base", f"{registry.host}/{NAME}:4"]) != 0
    assert f"{NAME}:4" in capsys.readouterr().err
    assert bake.read_bytes() == before


def test_another_variable_of_the_same_text_stays(registry: Running, bake: Path) -> None:
    """Only the default of the base is replaced."""
    name = f"{registry.host}/{NAME}:3"
    text = bake.read_text().replace('"dev"', f'"{name}"').replace("docker.io/library/python:3.11-slim", name)
    bake.write_text(text)
    digest = pushed(registry, "amd64", "arm64")
    assert main(["images", "base"]) == 0
    assert bake.read_text() == text.replace(f'"BASE": {{"default": "{name}"', f'"BASE": {{"default": "{name}@{digest}"')
