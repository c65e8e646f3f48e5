from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class AppendRequestReader(_message.Message):
    __slots__ = ("producer_id", "sequence", "run", "window_nanos", "batch")
    PRODUCER_ID_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    RUN_FIELD_NUMBER: _ClassVar[int]
    WINDOW_NANOS_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    producer_id: bytes
    sequence: int
    run: str
    window_nanos: int
    batch: bytes
    def __init__(self, producer_id: _Optional[bytes] = ..., sequence: _Optional[int] = ..., run: _Optional[str] = ..., window_nanos: _Optional[int] = ..., batch: _Optional[bytes] = ...) -> None: ...

class EventBatchReader(_message.Message):
    __slots__ = ("schema", "event_count", "sources", "kinds", "source_index", "kind_index", "time_unix_nano", "value")
    SCHEMA_FIELD_NUMBER: _ClassVar[int]
    EVENT_COUNT_FIELD_NUMBER: _ClassVar[int]
    SOURCES_FIELD_NUMBER: _ClassVar[int]
    KINDS_FIELD_NUMBER: _ClassVar[int]
    SOURCE_INDEX_FIELD_NUMBER: _ClassVar[int]
    KIND_INDEX_FIELD_NUMBER: _ClassVar[int]
    TIME_UNIX_NANO_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    schema: int
    event_count: int
    sources: _containers.RepeatedScalarFieldContainer[str]
    kinds: _containers.RepeatedScalarFieldContainer[str]
    source_index: bytes
    kind_index: bytes
    time_unix_nano: bytes
    value: bytes
    def __init__(self, schema: _Optional[int] = ..., event_count: _Optional[int] = ..., sources: _Optional[_Iterable[str]] = ..., kinds: _Optional[_Iterable[str]] = ..., source_index: _Optional[bytes] = ..., kind_index: _Optional[bytes] = ..., time_unix_nano: _Optional[bytes] = ..., value: _Optional[bytes] = ...) -> None: ...

class AppendStreamRequestReader(_message.Message):
    __slots__ = ("append",)
    APPEND_FIELD_NUMBER: _ClassVar[int]
    append: bytes
    def __init__(self, append: _Optional[bytes] = ...) -> None: ...
