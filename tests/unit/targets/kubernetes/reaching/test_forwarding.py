"""A port is open until it is closed; a caller that waits learns why a port-forward could not be started."""

import socket
import threading
from pathlib import Path

import pytest

from lab.errors import Unavailable
from lab.targets.kubernetes.client.kubectl import Kubectl
from lab.targets.kubernetes.reaching.forwarding import Forward
from tests.fakes.kubectl import FakeKubectl


def kubectl(folder: Path, text: str) -> Kubectl:
    """Return the commands of a shell script that stands in for kubectl."""
    path = folder / "kubectl"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return Kubectl("testbed", "here", program=lambda: path)


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


def test_a_missing_folder_ends_the_wait(tmp_path: Path) -> None:
    """The error names the port and the cause."""
    forward = Forward(kubectl(tmp_path, "sleep 60"), "pod/a", 7000, log=tmp_path / "gone" / "a.forward")
    error = waited(forward)
    assert "cannot reach port 7000 of pod/a" in str(error)
    assert "No such file" in str(error)
    forward.close()


def test_the_error_has_the_last_line_of_kubectl(tmp_path: Path) -> None:
    """That line says why the port-forward ended."""
    refusing = kubectl(tmp_path, "echo begin\necho refused >&2")
    forward = Forward(refusing, "pod/a", 7000, log=tmp_path / "a.forward")
    assert str(waited(forward)).splitlines()[1].strip() == "refused"
    forward.close()


def test_the_wait_has_an_end(tmp_path: Path) -> None:
    """Even where kubectl neither starts nor ends."""
    forward = Forward(kubectl(tmp_path, "sleep 60"), "pod/a", 7000, log=tmp_path / "a.forward", patience_s=0.2)
    assert "did not start" in str(waited(forward))
    forward.close()


def test_a_port_takes_connections_until_it_is_closed(tmp_path: Path) -> None:
    """Then nobody listens at its address."""
    forward = Forward(FakeKubectl(tmp_path).commands, "pod/a", 7000, log=tmp_path / "a.forward")
    host, _, port = forward.wait().rpartition(":")
    with socket.create_connection((host, int(port)), timeout=10.0):
        pass
    forward.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)), timeout=10.0)
