"""Encodes samples for Prometheus' remote write 1.0: a `WriteRequest` in one block of snappy.

The messages are `prometheus.WriteRequest`, `TimeSeries`, `Label` and `Sample` of Prometheus' `prompb`. They have seven
fields in all, and no dependency of the project contains them.
"""

import struct
from collections.abc import Iterable, Mapping
from typing import Final

import pyarrow as pa

HEADERS: Final = {
    "Content-Encoding": "snappy",
    "Content-Type": "application/x-protobuf",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}


def pushed(series: Iterable[Mapping[str, str]], *, at_ms: int) -> tuple[bytes, Mapping[str, str]]:
    """Return body and headers of a request that writes 0 to every series, given by its labels, at *at_ms*."""
    message = b"".join(_part(1, _series(labels, at_ms)) for labels in series)
    return pa.compress(message, codec="snappy", asbytes=True), HEADERS


def _series(labels: Mapping[str, str], at_ms: int) -> bytes:
    """Encode a `TimeSeries` of one sample."""
    named = [_part(1, _part(1, name.encode()) + _part(2, value.encode())) for name, value in sorted(labels.items())]
    sample = b"\x09" + struct.pack("<d", 0.0) + b"\x10" + _varint(at_ms)
    return b"".join(named) + _part(2, sample)


def _part(number: int, content: bytes) -> bytes:
    """Encode a field of bytes, a string or a message."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    """Encode seven bits a byte, the lowest first; every byte but the last has its highest bit set."""
    groups = [value >> shift & 0x7F for shift in range(0, max(value.bit_length(), 1), 7)]
    return bytes([*(group | 0x80 for group in groups[:-1]), groups[-1]])
