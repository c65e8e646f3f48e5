"""A caller that waits for a port-forward learns why it could not be started."""

import threading
from pathlib import Path

import pytest

from lab.errors import Unavailable
from lab.targets.kubernetes.reaching import forwarding
from lab.targets.kubernetes.reaching.forwarding import Forward


def program(folder: Path, text: str) -> Path:
    """Return a program that stands in for kubectl."""
    path = folder / "kubectl"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def waited(forward: Forward) -> BaseException | str:
    """Return what a caller that waits gets. The test itself does not wait for ever."""
    results: list[BaseException | str] = []

    def wait() -> None:
        try:
            results.append(forward.wait())
        except Unavailable as error:
            results.append(error)

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    thread.join(10.0)
    assert results, "still waiting"
    return results[0]


def test_a_missing_folder_ends_the_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the port and the cause."""
    monkeypatch.setattr(forwarding, "kubectl_program", lambda: program(tmp_path, "sleep 60"))
    forward = Forward([], "pod/a", 7000, log=tmp_path / "gone" / "a.forward")
    error = waited(forward)
    assert "cannot reach port 7000 of pod/a" in str(error)
    assert "No such file" in str(error)
    forward.close()


def test_the_error_has_the_last_line_of_kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That line says why the port-forward ended."""
    monkeypatch.setattr(forwarding, "kubectl_program", lambda: program(tmp_path, "echo begin\necho refused >&2"))
    forward = Forward([], "pod/a", 7000, log=tmp_path / "a.forward")
    assert str(waited(forward)).splitlines()[1].strip() == "refused"
    forward.close()


def test_the_wait_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even where kubectl neither starts nor ends."""
    monkeypatch.setattr(forwarding, "kubectl_program", lambda: program(tmp_path, "sleep 60"))
    monkeypatch.setattr(forwarding, "MARGIN_S", 0.2 - forwarding.START_S)
    forward = Forward([], "pod/a", 7000, log=tmp_path / "a.forward")
    assert "did not start" in str(waited(forward))
    forward.close()
