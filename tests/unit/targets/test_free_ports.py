"""A free port stays free between two starts of a program."""

import socket
from contextlib import ExitStack
from pathlib import Path

import pytest

from lab.errors import Unavailable
from lab.targets import free_ports
from lab.targets.free_ports import ATTEMPTS, LOWEST, free_port


@pytest.fixture
def narrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> range:
    """Return the ports that are tried on a machine whose ephemeral ports begin right above them."""
    (tmp_path / "range").write_text(f"{LOWEST + 1}\t60999\n")
    monkeypatch.setattr(free_ports, "RANGE_FILE", tmp_path / "range")
    return range(LOWEST, LOWEST + ATTEMPTS)


def listen(stack: ExitStack, candidates: range) -> set[int]:
    """Take the ports that are free for as long as a test lasts; return all candidates, which are taken now."""
    for port in candidates:
        taken = stack.enter_context(socket.socket())
        try:
            taken.bind(("127.0.0.1", port))
        except OSError:
            continue
        taken.listen()
    return set(candidates)


def test_a_free_port_can_be_listened_on() -> None:
    """Here on the loopback address."""
    with socket.create_server(("127.0.0.1", free_port())) as server:
        assert server.getsockname()[1] >= LOWEST


def test_the_kernel_never_gives_it_to_a_connection(narrow: range) -> None:
    """It lies below the range of ephemeral ports."""
    assert all(free_port() in narrow for _ in range(20))


@pytest.mark.parametrize("text", ["", "all of them"])
def test_a_machine_that_does_not_say_its_range_has_the_usual_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    """Linux begins at 32768 by default."""
    (tmp_path / "range").write_text(text)
    for path in (tmp_path / "range", tmp_path / "absent"):
        monkeypatch.setattr(free_ports, "RANGE_FILE", path)
        assert LOWEST <= free_port() < 32_768


def test_a_port_that_somebody_listens_on_is_not_free(narrow: range) -> None:
    """Half of the ports are taken; a free one is returned."""
    with ExitStack() as stack:
        taken = listen(stack, narrow[: ATTEMPTS // 2])
        assert free_port() not in taken


def test_a_machine_without_a_free_port_is_told_so(narrow: range) -> None:
    """The message names the range that was tried."""
    with ExitStack() as stack:
        listen(stack, narrow)
        with pytest.raises(Unavailable, match=f"no free port between {LOWEST} and {LOWEST + ATTEMPTS}"):
            free_port()
