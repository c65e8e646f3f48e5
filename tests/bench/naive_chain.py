"""The same chain, written naively: one event per call, grpc.aio, redis.asyncio, one pipeline per event.

`python -m tests.bench.naive_chain ingest REDIS_PORT GRPC_PORT` or `… worker REDIS_PORT`.
"""

import asyncio
import sys
from typing import Any, Final

import grpc
import grpc.aio
import redis
import redis.asyncio
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

METHOD: Final = "/naive.Ingest/Append"
WINDOW_US: Final = 10_000_000


def _event_message() -> type[Message]:
    """`message Event { string source = 1; string kind = 2; sfixed64 time_us = 3; double value = 4; }`."""
    field = descriptor_pb2.FieldDescriptorProto
    kinds = (field.TYPE_STRING, field.TYPE_STRING, field.TYPE_SFIXED64, field.TYPE_DOUBLE)
    file = descriptor_pb2.FileDescriptorProto(name="naive.proto", package="naive", syntax="proto3")
    message = file.message_type.add(name="Event")
    for number, (name, kind) in enumerate(zip(("source", "kind", "time_us", "value"), kinds, strict=True), start=1):
        message.field.add(name=name, number=number, type=kind, label=field.LABEL_OPTIONAL)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("naive.Event"))


Event: Any = _event_message()


async def ingest(redis_port: int, grpc_port: int) -> None:
    """Serve appends of one event each, with one XADD."""
    store = redis.asyncio.Redis(port=redis_port, socket_timeout=5, retry=AsyncRetry(NoBackoff(), 0), protocol=2)

    async def append(request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        """Append one entry."""
        event = Event.FromString(request)
        if not (0 < len(event.source) <= 64 and 0 < len(event.kind) <= 64 and event.value - event.value == 0):
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "bad event")
        fields = {"s": event.source, "k": event.kind, "t": event.time_us, "v": repr(event.value)}
        await store.xadd("naive", fields)
        return b""

    server = grpc.aio.server()
    handler: Any = grpc.unary_unary_rpc_method_handler(append)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("naive.Ingest", {"Append": handler}),))
    server.add_insecure_port(f"127.0.0.1:{grpc_port}")
    await server.start()
    await server.wait_for_termination()


def worker(redis_port: int) -> None:
    """Read up to a hundred entries, and count each in its own transaction."""
    store = redis.Redis(port=redis_port, socket_timeout=5, retry=Retry(NoBackoff(), 0), protocol=2)
    try:
        store.xgroup_create("naive", "agg", id="0", mkstream=True)
    except redis.exceptions.ResponseError as error:
        if not str(error).startswith("BUSYGROUP"):
            raise
    while True:
        reply = store.xreadgroup("agg", "c1", {"naive": ">"}, count=100, block=500)
        for entry_id, fields in reply[0][1] if reply else ():
            count_event(store, entry_id, fields)


def count_event(store: "redis.Redis", entry_id: bytes, fields: dict[bytes, bytes]) -> None:
    """Add one event to its aggregate and acknowledge its entry."""
    key = b"agg:%d:%s|%s" % (int(fields[b"t"]) // WINDOW_US, fields[b"s"], fields[b"k"])
    pipeline = store.pipeline(transaction=True)
    pipeline.hincrby(key, "n", 1)
    pipeline.hincrbyfloat(key, "s", float(fields[b"v"]))
    pipeline.xack("naive", "agg", entry_id)
    pipeline.hincrby("naive:ledger", "counted", 1)
    pipeline.execute()


if __name__ == "__main__":
    role, *ports = sys.argv[1:]
    if role == "ingest":
        asyncio.run(ingest(int(ports[0]), int(ports[1])))
    else:
        worker(int(ports[0]))
