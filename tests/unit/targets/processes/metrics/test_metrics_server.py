"""A Prometheus is found and judged by its version; what is wrong with it is told with a way out."""

from pathlib import Path

import pytest

from lab.errors import LabError, Unavailable
from lab.settings import LabSettings, load_settings
from lab.targets.processes.metrics import metrics_server
from lab.targets.processes.metrics.metrics_server import check_version, command, find_prometheus, provide_prometheus


def program(path: Path, *, does: str, mode: int = 0o755) -> Path:
    """Return a program that does something when it is asked for its version."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{does}\n")
    path.chmod(mode)
    return path


def isolated(folder: Path, **overrides: object) -> LabSettings:
    """Return settings with a cache folder of their own that hide the servers on PATH."""
    return load_settings(cache_dir=folder / "cache", hide_path_servers=True, **overrides)


def refusal(path: Path) -> Unavailable:
    """Return why a program is refused."""
    with pytest.raises(Unavailable) as refused:
        check_version(path, within_s=0.2)
    return refused.value


# --------------------------------------------------------------------------------------------------------- version


@pytest.mark.parametrize("stream", ["1", "2"])
def test_the_version_is_read_wherever_it_is_printed(tmp_path: Path, stream: str) -> None:
    """Older versions of Prometheus print it on standard error."""
    path = program(tmp_path / "a", does=f"echo 'prometheus, version 2.42.0+ds (branch: debian/sid)' >&{stream}")
    assert check_version(path) == "2.42.0"


@pytest.mark.parametrize("version", ["2.39.9", "1.8.2", "0.20.0"])
def test_a_version_that_is_too_old_is_refused(tmp_path: Path, version: str) -> None:
    """The message says which version is needed."""
    error = refusal(program(tmp_path / "a", does=f"echo 'prometheus, version {version}'"))
    assert (error.attempted, error.found) == (f"prometheus {version} is too old", str(tmp_path / "a"))
    assert error.next_step.startswith("install ≥ 2.40")


@pytest.mark.parametrize(
    ("does", "mode", "shown"),
    [
        ("echo hello >&2", 0o755, "hello"),
        ("echo 'version 3.1.0'", 0o644, "Permission denied"),
        ("exec sleep 20", 0o755, "it tells no version within 0.2 s"),
    ],
    ids=["another program", "not executable", "silent"],
)
def test_what_is_no_prometheus_is_refused_with_a_way_out(tmp_path: Path, does: str, mode: int, shown: str) -> None:
    """The program is named, with what it did; the user names another program or a running server."""
    error = refusal(program(tmp_path / "a", does=does, mode=mode))
    assert str(tmp_path / "a") in error.attempted
    assert error.found == shown
    assert "LAB_PROMETHEUS" in error.next_step
    assert "--prometheus http://" in error.next_step
    assert len(str(error).splitlines()) <= 5


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    """For example after a misspelt setting."""
    assert refusal(tmp_path / "absent").found == "No such file or directory"


# --------------------------------------------------------------------------------------------------------- finding


def test_the_program_that_the_settings_name_wins(tmp_path: Path) -> None:
    """Then the fetched program; without either there is none."""
    named, fetched = tmp_path / "named", tmp_path / "cache" / "prometheus" / "prometheus"
    assert find_prometheus(isolated(tmp_path)) is None
    program(fetched, does="true")
    assert find_prometheus(isolated(tmp_path)) == fetched
    assert find_prometheus(isolated(tmp_path, prometheus=named)) == named


def test_a_fetched_program_is_not_fetched_again(tmp_path: Path) -> None:
    """The user is told of no fetching."""
    fetched = program(tmp_path / "cache" / "prometheus" / "prometheus", does="echo version 3.1.0")
    assert provide_prometheus(isolated(tmp_path), pytest.fail) == fetched


def test_a_machine_without_apt_is_told_how_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The places that were looked at are named, and the cause is kept."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unavailable, match="no prometheus on PATH and no apt on this machine") as error:
        provide_prometheus(isolated(tmp_path), pytest.fail)
    assert error.value.found.splitlines() == [
        f"looked in: PATH, {tmp_path / 'cache' / 'prometheus'}",
        "not on PATH: apt-get, apt-cache, dpkg",
    ]
    assert "prometheus" in error.value.next_step.partition(", or")[0]
    assert error.value.next_step.endswith(", or give a running one: lab up --prometheus http://127.0.0.1:9090")
    assert isinstance(error.value.__cause__, LabError)


def test_the_command_that_fetches_tells_why_it_cannot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It ends with the exit code of the error."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("LAB_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("LAB_PROMETHEUS", raising=False)
    assert metrics_server.main() == Unavailable.exit_code
    assert capsys.readouterr().err.startswith("lab: cannot start the metrics server")


def test_the_server_listens_on_loopback_and_keeps_its_data_in_its_folder(tmp_path: Path) -> None:
    """Nobody else can reach it, and it goes with the stack."""
    arguments = command(Path("/a-prometheus"), 7, tmp_path)
    assert arguments[0] == "/a-prometheus"
    assert "--web.listen-address=127.0.0.1:7" in arguments
    assert f"--storage.tsdb.path={tmp_path / 'data'}" in arguments
