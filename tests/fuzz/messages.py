"""Makes messages of nonsense: random bytes, and valid messages that are cut, changed, or nested too deep."""

import random
from collections.abc import Callable
from typing import Any, Final

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

TEXTS: Final = (
    "", "r", "a-run", "pi", "temp", "0-0", "1700000000000-0", "()", "-", "+", "\0", "\x1f", "a:b", "é" * 40, "x" * 300,
    "/" + "p" * 5_000, "../../x.csv", "W1tbW1tb", "\u2028", "{run.__class__}", "NaN", "9" * 40, "127.0.0.1:1",
)  # fmt: skip
WHOLES: Final = (
    0, 1, 2, 16, 127, 128, 4_096, 10_000, 10_001, 2**31 - 1, 2**32 - 1, 2**53, 2**63 - 1, 2**64 - 1, -1, -(2**63),
)  # fmt: skip
REALS: Final = (
    0.0, -0.0, 1.0, 0.05, 60.0, 1e-300, 5e-324, 1e12, 1e308, -1.0, float("inf"), float("-inf"), float("nan"),
)  # fmt: skip
DEEPEST: Final = 3
NUMBERS_OF: Final = (0, 1, 1, 2, 3, 7)
"""How often a repeated field is filled; most events of a batch then differ in the lengths of their columns."""
HUGE_VARINT: Final = b"\xff" * 9 + b"\x7f"
NEST: Final = 200
"""Levels of nesting: protobuf reads a hundred."""


def any_message(draw: random.Random, kind: Descriptor, depth: int = 0) -> Message:
    """Return a message of a kind, with fields of any values that the wire can carry."""
    message: Any = GetMessageClass(kind)()
    for field in kind.fields:
        if draw.random() < 0.25:
            continue
        if field.is_repeated:
            values = [_value(draw, field, depth) for _ in range(draw.choice(NUMBERS_OF))]
            getattr(message, field.name).extend(values)
        elif field.message_type is not None:
            if depth < DEEPEST:
                getattr(message, field.name).CopyFrom(any_message(draw, field.message_type, depth + 1))
        else:
            setattr(message, field.name, _value(draw, field, depth))
    return message  # type: ignore[no-any-return]


def _value(draw: random.Random, field: FieldDescriptor, depth: int) -> object:
    if field.message_type is not None:
        return any_message(draw, field.message_type, depth + 1)
    kind = field.cpp_type
    if kind == FieldDescriptor.CPPTYPE_STRING:
        text = draw.choice(TEXTS)
        return text if field.type == FieldDescriptor.TYPE_STRING else text.encode()[:16].ljust(16)
    if kind == FieldDescriptor.CPPTYPE_BOOL:
        return draw.random() < 0.5
    if kind in {FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT}:
        return draw.choice(REALS)
    if kind == FieldDescriptor.CPPTYPE_ENUM:
        return 0
    return _fitting(draw.choice(WHOLES), kind)


def _fitting(whole: int, kind: int) -> int:
    """Return a number as the field can hold it."""
    bits = 32 if kind in {FieldDescriptor.CPPTYPE_INT32, FieldDescriptor.CPPTYPE_UINT32} else 64
    signed = kind in {FieldDescriptor.CPPTYPE_INT32, FieldDescriptor.CPPTYPE_INT64}
    whole %= 2**bits
    return whole - 2**bits if signed and whole >= 2 ** (bits - 1) else whole


def _random_bytes(draw: random.Random, _valid: bytes) -> bytes:
    return draw.randbytes(draw.randrange(200))


def _cut(draw: random.Random, valid: bytes) -> bytes:
    return valid[: draw.randrange(len(valid) + 1)]


def _changed(draw: random.Random, valid: bytes) -> bytes:
    changed = bytearray(valid)
    for _ in range(draw.choice((1, 1, 2, 8))):
        if changed:
            changed[draw.randrange(len(changed))] = draw.randrange(256)
    return bytes(changed)


def _repeated(draw: random.Random, valid: bytes) -> bytes:
    first, end = sorted((draw.randrange(len(valid) + 1), draw.randrange(len(valid) + 1)))
    return valid[:end] + valid[first:end] * draw.choice((1, 3, 50)) + valid[end:]


def _with_varint(draw: random.Random, valid: bytes) -> bytes:
    at = draw.randrange(len(valid) + 1)
    return valid[:at] + bytes([draw.randrange(256)]) + HUGE_VARINT + valid[at:]


def _with_length(draw: random.Random, valid: bytes) -> bytes:
    """Announce a field that is longer than the message."""
    return valid + bytes([8 * draw.randrange(1, 16) + 2]) + b"\xff\xff\xff\xff\x07" + draw.randbytes(8)


def _nested(draw: random.Random, valid: bytes) -> bytes:
    nested, tag = valid[:64], bytes([8 * draw.randrange(1, 16) + 2])
    for _ in range(NEST):
        nested = tag + _varint(len(nested)) + nested
    return nested


def _groups(draw: random.Random, valid: bytes) -> bytes:
    return valid + bytes([8 * draw.randrange(1, 16) + 3]) * NEST


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number >= 128:
        encoded.append(number % 128 + 128)
        number //= 128
    return bytes([*encoded, number])


SPOILERS: Final[tuple[Callable[[random.Random, bytes], bytes], ...]] = (
    _random_bytes, _cut, _changed, _changed, _changed, _repeated, _with_varint, _with_length, _nested, _groups,
)  # fmt: skip


def nonsense(draw: random.Random, kind: Descriptor, good: bytes) -> bytes:
    """Return the bytes of a message: a message of any values, or a good one; as it is, or spoilt."""
    valid = good if draw.random() < 0.5 else any_message(draw, kind).SerializeToString()
    return valid if draw.random() < 1 / 3 else draw.choice(SPOILERS)(draw, valid)
