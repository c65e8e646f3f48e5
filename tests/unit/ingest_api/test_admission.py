"""Which batches are admitted, and with which reason and message the others are refused."""

import contextlib
import subprocess
import sys
import textwrap
import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.generated.lab.ingest.v1.ingest_pb2 import AppendRequest, EventBatch
from services.ingest_api.admission import Admission, NotAdmitted, open_envelope

SECOND = 1_000_000_000


def request(**changes: object) -> AppendRequest:
    """Return a request with two good events, with some fields of the batch or the envelope changed."""
    batch: dict[str, object] = {
        "schema": 1,
        "event_count": 2,
        "sources": ["pi"],
        "kinds": ["temp", "load"],
        "source_index": [0, 0],
        "kind_index": [0, 1],
        "time_unix_nano": [1_700_000_000 * SECOND, 1_700_000_001 * SECOND],
        "value": [41.5, 0.25],
    }
    envelope: dict[str, object] = {"producer_id": b"p" * 16, "sequence": 1, "run": "r", "window_nanos": 0}
    for name, value in changes.items():
        (envelope if name in envelope else batch)[name] = value
    return AppendRequest(batch=EventBatch(**batch), **envelope)  # type: ignore[arg-type]


def many(events: int, **changes: object) -> AppendRequest:
    """Return a request of many equal events."""
    columns: dict[str, object] = {
        "event_count": events,
        "source_index": [0] * events,
        "kind_index": [0] * events,
        "time_unix_nano": [1_700_000_000 * SECOND] * events,
        "value": [1.0] * events,
    }
    return request(**{**columns, **changes})


REFUSED: dict[str, tuple[Callable[[], AppendRequest], str, str]] = {
    "1 empty events": (lambda: many(0), "EMPTY_BATCH", "event_count: at least 1 is needed"),
    "2 too many events": (lambda: many(5_001), "BATCH_TOO_LARGE", "event_count: 5001, limit 5000; split the batch"),
    "3 long kind": (
        lambda: request(kinds=["temp", "é" * 128 + "x"]),
        "NAME_TOO_LONG",
        r"kinds\[1\]: 257 bytes, limit 256",
    ),
    "5 short producer": (lambda: request(producer_id=b"abc"), "BAD_PRODUCER_ID", "producer_id: 3 bytes, 16 needed"),
    "6 sequence 0": (lambda: request(sequence=0), "BAD_SEQ", r"sequence: must be 1\.\.9007199254740991"),
    "6 sequence 2^53": (lambda: request(sequence=2**53), "BAD_SEQ", r"sequence: must be 1\.\.9007199254740991"),
    "9 empty source": (lambda: request(sources=[""]), "BAD_NAME", r"sources\[0\]: '' is empty or not printable"),
    "9 control character": (lambda: request(kinds=["a\x1fb", "c"]), "BAD_NAME", r"kinds\[0\]"),
    "9 index outside": (lambda: request(kind_index=[0, 9]), "BAD_INDEX", r"kind_index\[1\]: 9, dictionary has 2"),
    "9 large index": (lambda: request(kind_index=[0, 300]), "BAD_INDEX", r"kind_index\[1\]: 300, dictionary has 2"),
    "9 no dictionary": (lambda: request(sources=[]), "BAD_INDEX", r"source_index\[0\]: 0, dictionary has 0"),
    "9 ragged": (lambda: request(value=[1.0]), "RAGGED_COLUMNS", "event_count is 2, but .* value 1"),
    "9 too many sources": (
        lambda: request(sources=["s"] * 10_001),
        "DICTIONARY_TOO_LARGE",
        "sources: 10001 names, limit 10000",
    ),
    "9 too many kinds": (
        lambda: request(kinds=[""] * 300_000),
        "DICTIONARY_TOO_LARGE",
        "kinds: 300000 names, limit 10000",
    ),
    "10 NaN": (lambda: request(value=[float("nan"), 1.0]), "BAD_VALUE", r"value\[0\]: NaN is not allowed"),
    "10 infinite": (lambda: request(value=[1.0, float("-inf")]), "BAD_VALUE", r"value\[1\]: -inf"),
    "10 too large": (lambda: request(value=[1.0, 2.0**45 * 1.01]), "BAD_VALUE", r"value\[1\]: .*at most 2\^45"),
    "11 year 1700": (
        lambda: request(time_unix_nano=[0, -8_520_336_000 * SECOND]),
        "BAD_TIME",
        r"time_unix_nano\[1\]: 1700-01-01T00:00:00Z, must be 1900\.\.2200",
    ),
    "11 year 2200": (
        lambda: request(time_unix_nano=[0, 7_258_118_400 * SECOND]),
        "BAD_TIME",
        r"time_unix_nano\[1\]: 2200",
    ),
    "run without a name": (lambda: request(run=""), "BAD_RUN", "run: "),
    "narrow window": (lambda: request(window_nanos=10), "BAD_WINDOW", "window_nanos: 10"),
    "unknown layout": (lambda: request(schema=2), "BAD_SCHEMA", "schema: 2, this service knows 1"),
    "scattered": (
        lambda: many(4_097, time_unix_nano=[i * SECOND for i in range(4_097)]),
        "BATCH_TOO_SCATTERED",
        "4097 aggregates .* limit 4096",
    ),
}


@pytest.mark.parametrize(("make", "reason", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_a_bad_batch_is_refused_by_name(make: Callable[[], AppendRequest], reason: str, message: str) -> None:
    """The reason is for programs. The message names the field, the value and the rule."""
    with pytest.raises(NotAdmitted, match=message) as refused:
        Admission().admit(make().SerializeToString())

    assert refused.value.reason == reason


@pytest.mark.parametrize("make", [make for make, _, _ in REFUSED.values()], ids=REFUSED.keys())
def test_the_field_at_fault_has_its_name_in_the_proto(make: Callable[[], AppendRequest]) -> None:
    """A caller finds it in the message it sent."""
    with pytest.raises(NotAdmitted) as refused:
        Admission().admit(make().SerializeToString())

    name = refused.value.field.partition("[")[0]
    assert name in {*AppendRequest.DESCRIPTOR.fields_by_name, *EventBatch.DESCRIPTOR.fields_by_name}


def test_a_request_above_one_mebibyte_is_refused_before_it_is_read() -> None:
    """Row 4."""
    with pytest.raises(NotAdmitted, match="request is 1500000 bytes, limit 1048576") as refused:
        Admission().admit(b"\0" * 1_500_000)

    assert refused.value.reason == "REQUEST_TOO_LARGE"


@given(st.binary(max_size=400))
def test_random_bytes_are_refused_never_a_crash(junk: bytes) -> None:
    """Row 12: the answer to any bytes is a refusal of ours."""
    with pytest.raises(NotAdmitted):
        Admission().admit(junk)


@given(st.data())
def test_a_request_with_one_byte_changed_is_admitted_or_refused(data: st.DataObject) -> None:
    """A changed byte gives a batch or a refusal, and no other error."""
    good = bytearray(request().SerializeToString())
    at = data.draw(st.integers(0, len(good) - 1))
    good[at] = data.draw(st.integers(0, 255))

    with contextlib.suppress(NotAdmitted):
        assert Admission().admit(bytes(good)).events >= 1


def test_a_good_batch_names_the_pairs_it_holds() -> None:
    """Only pairs that occur are sent to the store."""
    admitted = Admission().admit(request(kinds=["temp", "load", "never"]).SerializeToString())

    assert admitted.names == [b"pi\x1ftemp", b"pi\x1fload"]
    assert (admitted.events, admitted.window_ns, admitted.run) == (2, SECOND, "r")


def diagonal(size: int, *, prefix: str = "") -> bytes:
    """Return a request in which each source has one kind of its own; its dictionaries span size * size pairs."""
    columns: dict[str, object] = {
        "sources": [f"{prefix}s{i}" for i in range(size)],
        "kinds": [f"{prefix}k{i}" for i in range(size)],
        "source_index": list(range(size)),
        "kind_index": list(range(size)),
    }
    return many(size, **columns).SerializeToString()


@pytest.mark.parametrize("size", [500, 1_150, 4_000])
def test_of_a_large_dictionary_only_pairs_that_occur_are_named(size: int) -> None:
    """A few kilobytes of names span a million pairs, of which an event for each name holds one."""
    assert Admission().admit(diagonal(size)).names == [f"s{i}\x1fk{i}".encode() for i in range(size)]


def test_many_large_dictionaries_do_not_fill_the_memory() -> None:
    """Forty requests of 6 to 25 kB with other names each, twelve million pairs together, stay within 24 MiB."""
    requests = [diagonal(550, prefix=f"{i}-") for i in range(40)]
    admission = Admission()
    tracemalloc.start()
    for _ in range(2):
        for number, wanted in enumerate(requests):
            assert admission.admit(wanted).names[0] == f"{number}-s0\x1f{number}-k0".encode()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 24 << 20


def test_dictionaries_that_are_too_large_are_refused_before_their_names_are_made() -> None:
    """A mebibyte holds a quarter of a million names, which would take 20 MiB each time."""
    names = request(sources=[f"{i % 100:02d}" for i in range(250_000)]).SerializeToString()
    tracemalloc.start()
    with pytest.raises(NotAdmitted, match="250000 names"):
        Admission().admit(names)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 4 << 20


EIGHT_AT_A_TIME = """
    import resource, sys
    from concurrent.futures import ThreadPoolExecutor
    from services.contracts.generated.lab.ingest.v1.ingest_pb2 import AppendRequest, EventBatch
    from services.ingest_api.admission import Admission, NotAdmitted, events_in

    names = EventBatch(sources=[""] * 500_000)
    request = AppendRequest(producer_id=b"p" * 16, sequence=1, run="r", batch=names).SerializeToString()
    del names
    if sys.argv[1] == "in pieces":
        request = AppendRequest(batch=EventBatch(kinds=["k"])).SerializeToString() + request
    admission, before = Admission(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    def refuse(_: int) -> None:
        try:
            admission.admit(request)
        except NotAdmitted:
            events_in(request)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(refuse, range(80)))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize("form", ["whole", "in pieces"])
def test_large_requests_at_the_same_time_do_not_fill_the_memory(form: str) -> None:
    """A mebibyte of half a million empty names is parsed by one thread, not by eight; they add less than 96 MiB."""
    script = textwrap.dedent(EIGHT_AT_A_TIME)
    done = subprocess.run([sys.executable, "-c", script, form], check=True, capture_output=True, text=True, timeout=60)

    assert int(done.stdout) < 96 << 10


def test_limits_are_inclusive() -> None:
    """5,000 events, 256 bytes, 2^45 and the first nanosecond of 1900 are admitted."""
    batch = many(5_000, kinds=["k" * 256], value=[2.0**45, *[-(2.0**45)] * 4_999])

    assert Admission().admit(batch.SerializeToString()).events == 5_000


def test_a_batch_that_comes_in_pieces_is_put_together() -> None:
    """A nested message may legally occur twice in the bytes. Both parts count."""
    whole = request()
    first = AppendRequest(producer_id=whole.producer_id, sequence=1, run="r", batch=EventBatch(sources=["pi"]))
    second = EventBatch()
    second.CopyFrom(whole.batch)
    second.ClearField("sources")
    pieces = first.SerializeToString() + AppendRequest(batch=second).SerializeToString()

    assert EventBatch.FromString(open_envelope(pieces).payload) == whole.batch
    assert Admission().admit(pieces).events == 2


def test_old_times_are_data_not_an_error() -> None:
    """An event of 1913 is as valid as an event of today."""
    times = np.array([-1_800_000_000 * SECOND] * 2).tolist()

    assert Admission().admit(request(time_unix_nano=times).SerializeToString()).events == 2
