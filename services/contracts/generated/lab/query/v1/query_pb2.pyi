from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Freshness(_message.Message):
    __slots__ = ("epoch", "version", "staleness_ms", "durability", "degraded")
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    STALENESS_MS_FIELD_NUMBER: _ClassVar[int]
    DURABILITY_FIELD_NUMBER: _ClassVar[int]
    DEGRADED_FIELD_NUMBER: _ClassVar[int]
    epoch: str
    version: int
    staleness_ms: int
    durability: str
    degraded: str
    def __init__(self, epoch: _Optional[str] = ..., version: _Optional[int] = ..., staleness_ms: _Optional[int] = ..., durability: _Optional[str] = ..., degraded: _Optional[str] = ...) -> None: ...

class Ledger(_message.Message):
    __slots__ = ("accepted", "counted", "dead", "backlog", "duplicates")
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    COUNTED_FIELD_NUMBER: _ClassVar[int]
    DEAD_FIELD_NUMBER: _ClassVar[int]
    BACKLOG_FIELD_NUMBER: _ClassVar[int]
    DUPLICATES_FIELD_NUMBER: _ClassVar[int]
    accepted: int
    counted: int
    dead: int
    backlog: int
    duplicates: int
    def __init__(self, accepted: _Optional[int] = ..., counted: _Optional[int] = ..., dead: _Optional[int] = ..., backlog: _Optional[int] = ..., duplicates: _Optional[int] = ...) -> None: ...

class InstanceCount(_message.Message):
    __slots__ = ("instance_id", "counted")
    INSTANCE_ID_FIELD_NUMBER: _ClassVar[int]
    COUNTED_FIELD_NUMBER: _ClassVar[int]
    instance_id: str
    counted: int
    def __init__(self, instance_id: _Optional[str] = ..., counted: _Optional[int] = ...) -> None: ...

class Aggregate(_message.Message):
    __slots__ = ("window_start_unix_nano", "source", "kind", "count", "sum_high", "sum_low", "minimum", "maximum")
    WINDOW_START_UNIX_NANO_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    SUM_HIGH_FIELD_NUMBER: _ClassVar[int]
    SUM_LOW_FIELD_NUMBER: _ClassVar[int]
    MINIMUM_FIELD_NUMBER: _ClassVar[int]
    MAXIMUM_FIELD_NUMBER: _ClassVar[int]
    window_start_unix_nano: int
    source: str
    kind: str
    count: int
    sum_high: int
    sum_low: int
    minimum: float
    maximum: float
    def __init__(self, window_start_unix_nano: _Optional[int] = ..., source: _Optional[str] = ..., kind: _Optional[str] = ..., count: _Optional[int] = ..., sum_high: _Optional[int] = ..., sum_low: _Optional[int] = ..., minimum: _Optional[float] = ..., maximum: _Optional[float] = ...) -> None: ...

class GetLedgerRequest(_message.Message):
    __slots__ = ("run", "audit")
    RUN_FIELD_NUMBER: _ClassVar[int]
    AUDIT_FIELD_NUMBER: _ClassVar[int]
    run: str
    audit: bool
    def __init__(self, run: _Optional[str] = ..., audit: _Optional[bool] = ...) -> None: ...

class GetLedgerResponse(_message.Message):
    __slots__ = ("ledger", "known", "instances", "audited_backlog", "last_commit_unix_nano", "freshness")
    LEDGER_FIELD_NUMBER: _ClassVar[int]
    KNOWN_FIELD_NUMBER: _ClassVar[int]
    INSTANCES_FIELD_NUMBER: _ClassVar[int]
    AUDITED_BACKLOG_FIELD_NUMBER: _ClassVar[int]
    LAST_COMMIT_UNIX_NANO_FIELD_NUMBER: _ClassVar[int]
    FRESHNESS_FIELD_NUMBER: _ClassVar[int]
    ledger: Ledger
    known: bool
    instances: _containers.RepeatedCompositeFieldContainer[InstanceCount]
    audited_backlog: int
    last_commit_unix_nano: int
    freshness: Freshness
    def __init__(self, ledger: _Optional[_Union[Ledger, _Mapping]] = ..., known: _Optional[bool] = ..., instances: _Optional[_Iterable[_Union[InstanceCount, _Mapping]]] = ..., audited_backlog: _Optional[int] = ..., last_commit_unix_nano: _Optional[int] = ..., freshness: _Optional[_Union[Freshness, _Mapping]] = ...) -> None: ...

class ListWindowsRequest(_message.Message):
    __slots__ = ("run", "from_unix_nano", "to_unix_nano", "source", "kind", "page_size", "page_token")
    RUN_FIELD_NUMBER: _ClassVar[int]
    FROM_UNIX_NANO_FIELD_NUMBER: _ClassVar[int]
    TO_UNIX_NANO_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    run: str
    from_unix_nano: int
    to_unix_nano: int
    source: str
    kind: str
    page_size: int
    page_token: str
    def __init__(self, run: _Optional[str] = ..., from_unix_nano: _Optional[int] = ..., to_unix_nano: _Optional[int] = ..., source: _Optional[str] = ..., kind: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListWindowsResponse(_message.Message):
    __slots__ = ("aggregates", "known", "window_nanos", "complete", "next_page_token", "freshness")
    AGGREGATES_FIELD_NUMBER: _ClassVar[int]
    KNOWN_FIELD_NUMBER: _ClassVar[int]
    WINDOW_NANOS_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    FRESHNESS_FIELD_NUMBER: _ClassVar[int]
    aggregates: _containers.RepeatedCompositeFieldContainer[Aggregate]
    known: bool
    window_nanos: int
    complete: bool
    next_page_token: str
    freshness: Freshness
    def __init__(self, aggregates: _Optional[_Iterable[_Union[Aggregate, _Mapping]]] = ..., known: _Optional[bool] = ..., window_nanos: _Optional[int] = ..., complete: _Optional[bool] = ..., next_page_token: _Optional[str] = ..., freshness: _Optional[_Union[Freshness, _Mapping]] = ...) -> None: ...

class ListTotalsRequest(_message.Message):
    __slots__ = ("run", "page_size", "page_token")
    RUN_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    run: str
    page_size: int
    page_token: str
    def __init__(self, run: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListTotalsResponse(_message.Message):
    __slots__ = ("aggregates", "known", "next_page_token", "freshness")
    AGGREGATES_FIELD_NUMBER: _ClassVar[int]
    KNOWN_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    FRESHNESS_FIELD_NUMBER: _ClassVar[int]
    aggregates: _containers.RepeatedCompositeFieldContainer[Aggregate]
    known: bool
    next_page_token: str
    freshness: Freshness
    def __init__(self, aggregates: _Optional[_Iterable[_Union[Aggregate, _Mapping]]] = ..., known: _Optional[bool] = ..., next_page_token: _Optional[str] = ..., freshness: _Optional[_Union[Freshness, _Mapping]] = ...) -> None: ...
