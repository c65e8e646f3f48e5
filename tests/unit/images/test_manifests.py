"""The documents of a registry, parsed into the lab's values."""

import json

import pytest

from lab.errors import DataFault
from lab.images.manifests import Blob, Built, Choice, Image, parse, parse_config
from lab.images.resolve import by_architecture

A, B, C = (f"sha256:{letter * 64}" for letter in "abc")


def index(*entries: dict[str, object]) -> bytes:
    """Return an index with some entries."""
    return json.dumps({"schemaVersion": 2, "manifests": list(entries)}).encode()


def entry(digest: str, architecture: str, os: str = "linux", **more: object) -> dict[str, object]:
    """Return an entry as builders write it."""
    return {"digest": digest, "size": 5, "platform": {"architecture": architecture, "os": os}, **more}


def test_attestations_are_no_images() -> None:
    """They have an annotation, or an unknown platform."""
    annotated = entry(B, "amd64", annotations={"vnd.docker.reference.type": "attestation-manifest"})
    body = index(entry(A, "amd64"), annotated, entry(C, "unknown", "unknown"))
    assert parse(body, "x:1") == (Choice(A, "amd64", "linux"),)


def test_an_image_has_a_configuration_and_layers() -> None:
    """The lowest layer comes first."""
    body = json.dumps(
        {"config": {"digest": A, "size": 1}, "layers": [{"digest": B, "size": 2}, {"digest": C, "size": 3}]}
    )
    assert parse(body.encode(), "x:1") == Image(Blob(A, 1), (Blob(B, 2), Blob(C, 3)))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<html>", "Invalid JSON"),
        (b'{"schemaVersion": 1, "fsLayers": []}', "schema 1"),
        (b'{"manifests": [{"digest": "sha256:short", "size": 1}]}', "manifests.0.digest"),
        (b'{"manifests": [{"digest": "%b", "size": -1}]}' % A.encode(), "manifests.0.size"),
        (b"[]", "Input should be an object"),
    ],
)
def test_a_document_that_cannot_be_used_is_an_error(body: bytes, words: str) -> None:
    """It names the image."""
    with pytest.raises(DataFault, match="x:1") as failure:
        parse(body, "x:1")
    assert words in str(failure.value)


def test_a_configuration_names_its_platform() -> None:
    """Without a platform it cannot be used."""
    assert parse_config(b'{"architecture": "arm64", "os": "linux", "config": {}}', "x") == Built("arm64", "linux")
    with pytest.raises(DataFault, match="architecture"):
        parse_config(b'{"os": "linux"}', "x")


def test_images_for_other_systems_are_left_out() -> None:
    """Nodes run Linux."""
    choices = [Choice(A, "amd64", "windows"), Choice(B, "amd64", "linux"), Choice(C, "arm64", "linux", "v8")]
    assert by_architecture(choices, "x:1") == {"amd64": B, "arm64": C}
    with pytest.raises(DataFault, match="no image for linux"):
        by_architecture(choices[:1], "x:1")


def test_two_images_of_one_architecture_are_an_error() -> None:
    """The node's runtime would choose."""
    with pytest.raises(DataFault, match="two images of one architecture") as failure:
        by_architecture([Choice(A, "arm", "linux", "v6"), Choice(B, "arm", "linux", "v7")], "x:1")
    assert "arm/v6, arm/v7" in str(failure.value)
