"""Programs are fetched from a Debian package as a whole or not at all; small programs stand for the tools of apt."""

from pathlib import Path
from typing import Final

import pytest

from lab.errors import Unavailable
from lab.targets.processes.metrics.debian_packages import TOOLS, fetch

DOWNLOADS: Final = 'test "$download" && echo archive > prometheus_3.1.0_amd64.deb'
TOOL: Final = """#!/bin/sh
for word; do case "$word" in update) update=1;; download) download=1;; show) show=1;; -x) unpack=1;; esac; done
"""
APT_GET: Final = f'{TOOL}test "$update" && exit 0\n'
APT_CACHE: Final = f'{TOOL}echo "SHA256: $(sha256sum prometheus_*.deb | cut -d" " -f1)"\n'
DPKG: Final = f"{TOOL}mkdir -p root/usr/bin && touch root/usr/bin/prometheus root/usr/bin/promtool\n"


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Return the tools of apt before every other program on PATH: name → text, which a test may change."""
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    return {"apt-get": f"{APT_GET}{DOWNLOADS}\n", "apt-cache": APT_CACHE, "dpkg": DPKG}


def fetched(folder: Path, tools: dict[str, str]) -> list[str]:
    """Fetch the package into a folder of the cache; return what the user was told."""
    programs = folder / "bin"
    programs.mkdir(exist_ok=True)
    for name, text in tools.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    told: list[str] = []
    fetch("prometheus", ("prometheus", "promtool"), folder / "cache" / "prometheus", told.append)
    return told


def refusal(folder: Path, tools: dict[str, str]) -> Unavailable:
    """Return why the package cannot be fetched; nothing is left of it."""
    with pytest.raises(Unavailable) as refused:
        fetched(folder, tools)
    assert not (folder / "cache" / "prometheus").exists()
    assert refused.value.next_step
    assert len(str(refused.value).splitlines()) <= 5
    return refused.value


def test_the_programs_of_a_package_are_kept_with_their_origin(tmp_path: Path, tools: dict[str, str]) -> None:
    """The user is told before each step that takes seconds."""
    told = fetched(tmp_path, tools)
    kept = tmp_path / "cache" / "prometheus"
    assert {path.name for path in kept.iterdir()} == {"prometheus", "promtool", "origin.txt"}
    assert (kept / "origin.txt").read_text().startswith("prometheus_3.1.0_amd64.deb sha256:")
    assert told == ["reading apt's package lists", "fetching prometheus with apt, once"]


def test_a_package_that_is_there_is_not_fetched_again(tmp_path: Path, tools: dict[str, str]) -> None:
    """Tools that would fail are not called."""
    fetched(tmp_path, tools)
    assert fetched(tmp_path, dict.fromkeys(TOOLS, "#!/bin/sh\nexit 1\n")) == []


def test_a_machine_without_apt_is_told_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its own means."""
    monkeypatch.setenv("PATH", str(tmp_path))
    error = refusal(tmp_path, {})
    assert (error.attempted, error.next_step) == (
        "no apt on this machine",
        "install prometheus with this machine's own package manager",
    )


def test_a_tool_that_fails_is_shown_with_its_first_errors(tmp_path: Path, tools: dict[str, str]) -> None:
    """Not with the lines that say nothing."""
    broken = '#!/bin/sh\necho Reading...; for n in 1 2 3; do echo "E: source $n does not answer" >&2; done; exit 100\n'
    error = refusal(tmp_path, tools | {"apt-get": broken})
    assert error.attempted == "`apt-get update` failed"
    assert error.found == "E: source 1 does not answer\nE: source 2 does not answer"


def test_a_package_that_no_source_has_is_named(tmp_path: Path, tools: dict[str, str]) -> None:
    """With the command that tells which sources were looked at."""
    error = refusal(tmp_path, tools | {"apt-get": "#!/bin/sh\nexit 0\n"})
    assert error.attempted == "apt fetched no package prometheus"
    assert error.next_step.startswith("apt-cache policy prometheus")


def test_an_archive_that_is_not_in_the_index_is_refused(tmp_path: Path, tools: dict[str, str]) -> None:
    """It may have been changed on its way; its programs are not unpacked."""
    error = refusal(tmp_path, tools | {"apt-cache": f"#!/bin/sh\necho 'SHA256: {'0' * 64}'\n"})
    assert error.attempted == "prometheus_3.1.0_amd64.deb does not match apt's index"
    assert error.found.startswith("its SHA-256 is ")


def test_a_package_without_the_program_is_refused(tmp_path: Path, tools: dict[str, str]) -> None:
    """A later version of the package may be split; half a folder is not kept."""
    error = refusal(tmp_path, tools | {"dpkg": "#!/bin/sh\nmkdir -p root/usr/bin && touch root/usr/bin/prometheus\n"})
    assert error.attempted == "apt's package holds no promtool"
    assert error.found == "prometheus_3.1.0_amd64.deb has none in /usr/bin"


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path, tools: dict[str, str]) -> None:
    """Here a file is in the way."""
    (tmp_path / "cache").write_text("")
    error = refusal(tmp_path, tools)
    assert error.attempted == f"cannot keep prometheus in {tmp_path / 'cache'}"
    assert "LAB_CACHE_DIR" in error.next_step
