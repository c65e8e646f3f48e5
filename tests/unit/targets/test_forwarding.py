"""A port-forward that cannot even be started is told to whoever waits for it."""

import threading
from pathlib import Path

import pytest

from lab.errors import Unavailable
from lab.targets.kubernetes.reaching import forwarding
from lab.targets.kubernetes.reaching.forwarding import Forward


def program(folder: Path, text: str) -> Path:
    """A program in place of kubectl."""
    path = folder / "kubectl"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def waited(forward: Forward) -> BaseException | str:
    """What somebody who waits gets; the test does not wait for ever."""
    got: list[BaseException | str] = []

    def wait() -> None:
        try:
            got.append(forward.wait())
        except Unavailable as error:
            got.append(error)

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    thread.join(10.0)
    assert got, "still waiting"
    return got[0]


def test_a_folder_that_is_gone_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits does not wait for ever."""
    monkeypatch.setattr(forwarding, "kubectl_program", lambda: program(tmp_path, "sleep 60"))
    forward = Forward([], "pod/a", 7000, log=tmp_path / "gone" / "a.forward")
    error = waited(forward)
    assert "cannot reach port 7000 of pod/a" in str(error)
    assert "No such file" in str(error)
    forward.close()


def test_what_kubectl_says_last_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As before."""
    monkeypatch.setattr(forwarding, "kubectl_program", lambda: program(tmp_path, "echo begin\necho refused >&2"))
    forward = Forward([], "pod/a", 7000, log=tmp_path / "a.forward")
    assert str(waited(forward)).splitlines()[1].strip() == "refused"
    forward.close()


def test_waiting_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever keeps a start from coming to one."""
    monkeypatch.setattr(forwarding, "kubectl_program", lambda: program(tmp_path, "sleep 60"))
    monkeypatch.setattr(forwarding, "MARGIN_S", 0.2 - forwarding.START_S)
    forward = Forward([], "pod/a", 7000, log=tmp_path / "a.forward")
    assert "did not start" in str(waited(forward))
    forward.close()
