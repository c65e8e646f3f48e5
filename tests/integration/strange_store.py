"""Runs a store whose disk can be slowed, whose clock can be shifted, and which can be killed and started again."""

import shutil
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import redis

from tests import programs

SOURCE: Final = Path(__file__).with_name("world.c")
COMPILER: Final = shutil.which("cc")
NUMBERS: Final = struct.Struct("qq")
DURABLE: Final = {"appendonly": "yes", "appendfsync": "always"}


class StrangeStore:
    """A durable store, and what it sees of the world.

    Attributes:
        port: Where it listens on loopback, after a restart as well.
    """

    def __init__(self, folder: Path) -> None:
        self.port = programs.free_port()
        self._folder, self._file, self._library = folder, folder / "world", folder / "world.so"
        command = [str(COMPILER), "-shared", "-fPIC", "-O1", "-o", str(self._library), str(SOURCE)]
        subprocess.run(command, check=True, timeout=60)
        self.sees()
        self._life = ExitStack()
        self._start()

    def sees(self, *, sync_s: float = 0.0, clock_s: float = 0.0) -> None:
        """Let every fdatasync take longer from now on, and let the wall clock be ahead."""
        numbers = NUMBERS.pack(round(sync_s * 1e6), round(clock_s))
        # The store maps the file, which therefore stays the same file.
        with self._file.open("r+b" if self._file.exists() else "wb") as file:
            file.write(numbers)

    def write_s(self) -> float:
        """Return the seconds that a write of this store takes now."""
        began_s = time.monotonic()
        with self._client() as client:
            client.set("written", 1)
        return time.monotonic() - began_s

    def ahead_s(self) -> float:
        """Return the seconds by which the store's clock is ahead of this machine's."""
        with self._client() as client:
            seconds, _ = client.time()
        return float(seconds - time.time())

    def restart(self) -> None:
        """Kill the store, and start it again on its files. Return when it serves."""
        self.stop()
        self._start()

    def stop(self) -> None:
        """Kill the store."""
        self._life.close()

    def _client(self) -> redis.Redis:
        return redis.Redis(port=self.port)

    def _start(self) -> None:
        strange = {"LD_PRELOAD": str(self._library), "TEST_WORLD": str(self._file)}
        options = {**DURABLE, "port": str(self.port)}
        self._life.enter_context(programs.store_with(self._folder, options, strange))


@contextmanager
def strange_store(folder: Path) -> Iterator[StrangeStore]:
    """Yield a durable store that serves; stop it at the end."""
    store = StrangeStore(folder)
    try:
        yield store
    finally:
        store.stop()
