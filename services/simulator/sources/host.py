"""Reads the machine that the simulator runs on, each reading when it is due."""

import platform
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import psutil
from numpy.typing import NDArray

from services.contracts.batches import Columns
from services.contracts.limits import MAX_NAME_BYTES, MAX_VALUE, NANOS
from services.serving.invalid import InvalidRequest
from services.simulator.source import SkippedRow, SourceClosed

MAX_TICKS_PER_SECOND: Final = 100.0
"""Counters of the kernel move in steps of a few milliseconds. Faster reading gives the same numbers again."""
BUSY_SHARE: Final = 0.25
"""Share of a core that reading may take."""
TIMED_READS: Final = 3
Readings = dict[str, float]


def open_host(rate: float) -> "HostSource":
    """Return a source that gives *rate* readings a second.

    Args:
        rate: Highest rate of the load in events per second; 0 where it is not known beforehand.

    Raises:
        InvalidRequest: The machine cannot be read that often.
    """
    source = HostSource()
    if rate > source.max_rate:
        message = f"this machine can be read {source.max_rate:,.0f} times a second, not {rate:,.0f}"
        raise InvalidRequest("RATE_TOO_HIGH", "rate", f"{message} ({source.kinds} kinds, each once a tick)")
    return source


class HostSource:
    """Reads every kind once per tick, and gives every reading once.

    A tick begins when its first event is due, and gives as many events as there are kinds. The time of an event is the
    time of its reading, at most one tick before the event was due.
    """

    notes: Sequence[str] = ()
    description = ""
    skipped_rows = 0
    skipped: Sequence[SkippedRow] = ()
    is_live = True

    def __init__(self) -> None:
        name = platform.node().encode()[:MAX_NAME_BYTES].decode(errors="ignore")
        self._source = name or "localhost"
        self._closed = threading.Event()
        self._left: list[tuple[str, int, float]] = []
        psutil.cpu_times_percent()
        started = time.perf_counter()
        for _ in range(TIMED_READS):
            self._readers = _readers()
            readings = _read(self._readers)
        tick_s = (time.perf_counter() - started) / TIMED_READS
        self.kinds = len(readings)
        self.max_rate = self.kinds * min(MAX_TICKS_PER_SECOND, BUSY_SHARE / tick_s)

    def take(self, intended_ns: NDArray[np.int64]) -> Columns:
        """Return the next events. Wait until their readings are due. Raise SourceClosed after `close`."""
        while len(self._left) < len(intended_ns):
            self._wait_until(int(intended_ns[len(self._left)]))
            at_ns = time.time_ns()
            self._left += [(kind, at_ns, value) for kind, value in _read(self._readers).items()]
        taken, self._left = self._left[: len(intended_ns)], self._left[len(intended_ns) :]
        kinds = list(dict.fromkeys(kind for kind, _, _ in taken))
        number_of = {kind: number for number, kind in enumerate(kinds)}
        return Columns(
            (self._source,),
            tuple(kinds),
            np.zeros(len(taken), np.uint32),
            np.array([number_of[kind] for kind, _, _ in taken], np.uint32),
            np.array([at_ns for _, at_ns, _ in taken], np.int64),
            np.array([value for _, _, value in taken], np.float64),
        )

    def close(self) -> None:
        """End a wait."""
        self._closed.set()

    def _wait_until(self, at_ns: int) -> None:
        early_s = (at_ns - time.time_ns()) / NANOS
        if early_s > 0 and self._closed.wait(early_s):
            raise SourceClosed("the load run has ended")


def _read(readers: Sequence[Callable[[], Readings]]) -> Readings:
    """Read every kind that the machine has once."""
    readings: Readings = {}
    for reader in readers:
        readings.update(reader())
    return {kind: value for kind, value in readings.items() if abs(value) <= MAX_VALUE}


def _readers() -> list[Callable[[], Readings]]:
    """Return the readers that work on this machine."""
    working = []
    for reader in (_cpu, _load, _memory, _swap, _disk, _network, _kernel, _temperatures):
        try:
            reader()
        except (OSError, psutil.Error, AttributeError, RuntimeError):
            continue
        working.append(reader)
    return working


def _cpu() -> Readings:
    times = psutil.cpu_times()
    return {
        "cpu.user.seconds": times.user,
        "cpu.system.seconds": times.system,
        "cpu.idle.seconds": times.idle,
        "cpu.iowait.seconds": getattr(times, "iowait", 0.0),
        "cpu.steal.seconds": getattr(times, "steal", 0.0),
        "cpu.percent": psutil.cpu_percent(),
    }


def _load() -> Readings:
    last_1m, last_5m, last_15m = psutil.getloadavg()
    return {"load.1m": last_1m, "load.5m": last_5m, "load.15m": last_15m}


def _memory() -> Readings:
    memory = psutil.virtual_memory()
    return {
        "memory.used.bytes": memory.used,
        "memory.available.bytes": memory.available,
        "memory.percent": memory.percent,
    }


def _swap() -> Readings:
    return {"swap.used.bytes": psutil.swap_memory().used}


def _disk() -> Readings:
    disk = psutil.disk_io_counters()
    if disk is None:
        return {}
    return {
        "disk.read.bytes": disk.read_bytes,
        "disk.write.bytes": disk.write_bytes,
        "disk.read.operations": disk.read_count,
        "disk.write.operations": disk.write_count,
    }


def _network() -> Readings:
    network = psutil.net_io_counters()
    return {
        "network.received.bytes": network.bytes_recv,
        "network.sent.bytes": network.bytes_sent,
        "network.received.packets": network.packets_recv,
        "network.sent.packets": network.packets_sent,
    }


def _kernel() -> Readings:
    stats = psutil.cpu_stats()
    return {"kernel.context_switches": stats.ctx_switches, "kernel.interrupts": stats.interrupts}


def _temperatures() -> Readings:
    return {
        f"temperature.{chip}.{sensor.label or number}.celsius": sensor.current
        for chip, sensors in psutil.sensors_temperatures().items()
        for number, sensor in enumerate(sensors)
        if sensor.current is not None
    }
