"""The registry's settings: their meaning together, and contradictions among them."""

import json
from pathlib import Path

import pytest

from lab.errors import BadConfig
from lab.images.access import RegistryAccess, registry_access, split_name
from lab.images.pull_secret import pull_secret
from lab.settings import LabSettings


@pytest.mark.parametrize(
    ("name", "host", "prefix"),
    [
        ("registry.example:5000", "registry.example:5000", ""),
        ("ghcr.io/me/lab", "ghcr.io", "me/lab"),
        ("10.0.0.7:5000/", "10.0.0.7:5000", ""),
        ("localhost", "localhost", ""),
    ],
)
def test_a_name_is_a_host_and_perhaps_a_path(name: str, host: str, prefix: str) -> None:
    """Image names begin with it."""
    assert split_name(name) == (host, prefix)


@pytest.mark.parametrize(
    "name", ["http://registry:5000", "registry", "me/lab", "user:secret@host.example", "a.b/C", "a b.c"]
)
def test_a_name_that_runtimes_would_read_differently_is_refused(name: str) -> None:
    """It has a scheme, a password, or a first part that is a name of Docker Hub."""
    with pytest.raises(BadConfig, match="does not name a registry"):
        split_name(name)


def test_images_are_named_by_service_below_the_path() -> None:
    """The address of the API has a scheme, the name has none."""
    access = RegistryAccess("registry.example:5000", "team", plain_http=True)
    assert access.name == "registry.example:5000/team"
    assert access.repository("simulator") == "team/simulator"
    assert access.url == "http://registry.example:5000"
    assert RegistryAccess("docker.io", "me").url == "https://registry-1.docker.io"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "no registry is configured"),
        ({"registry_insecure": True, "registry_ca_file": "ca.crt"}, "contradict"),
        ({"registry_user": "me"}, "belong together"),
        ({"registry_password_file": "secret"}, "belong together"),
    ],
)
def test_settings_that_cannot_work_are_refused(given: dict[str, object], words: str) -> None:
    """Before the registry is asked, with a next step."""
    host = {"registry": "registry.example:5000"} if given else {}
    with pytest.raises(BadConfig) as failure:
        registry_access(LabSettings.model_validate(host | given))
    assert words in str(failure.value)
    assert failure.value.next_step


def test_a_password_is_read_from_its_file_and_shown_nowhere(tmp_path: Path) -> None:
    """The newline that editors add is cut off."""
    (tmp_path / "password").write_text("open sesame\n")
    access = RegistryAccess("registry.example:5000", user="me", password_file=tmp_path / "password")
    assert access.password() == "open sesame"
    assert "sesame" not in repr(access)
    assert json.loads(pull_secret(access)) == {"auths": {access.host: {"auth": "bWU6b3BlbiBzZXNhbWU="}}}
    assert pull_secret(RegistryAccess(access.host)) == ""
    with pytest.raises(BadConfig, match="password"):
        RegistryAccess("registry.example:5000", user="me", password_file=tmp_path / "gone").password()
