from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Outcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OUTCOME_UNSPECIFIED: _ClassVar[Outcome]
    OUTCOME_ACKNOWLEDGED: _ClassVar[Outcome]
    OUTCOME_REFUSED: _ClassVar[Outcome]
    OUTCOME_UNKNOWN: _ClassVar[Outcome]
OUTCOME_UNSPECIFIED: Outcome
OUTCOME_ACKNOWLEDGED: Outcome
OUTCOME_REFUSED: Outcome
OUTCOME_UNKNOWN: Outcome

class RunLoadRequest(_message.Message):
    __slots__ = ("run", "window_nanos", "window_fits_file", "profile", "synthetic", "host", "replay", "deadline_ms", "ingest_address")
    RUN_FIELD_NUMBER: _ClassVar[int]
    WINDOW_NANOS_FIELD_NUMBER: _ClassVar[int]
    WINDOW_FITS_FILE_FIELD_NUMBER: _ClassVar[int]
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    SYNTHETIC_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    REPLAY_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_MS_FIELD_NUMBER: _ClassVar[int]
    INGEST_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    run: str
    window_nanos: int
    window_fits_file: bool
    profile: Profile
    synthetic: SyntheticSource
    host: HostSource
    replay: ReplaySource
    deadline_ms: int
    ingest_address: str
    def __init__(self, run: _Optional[str] = ..., window_nanos: _Optional[int] = ..., window_fits_file: _Optional[bool] = ..., profile: _Optional[_Union[Profile, _Mapping]] = ..., synthetic: _Optional[_Union[SyntheticSource, _Mapping]] = ..., host: _Optional[_Union[HostSource, _Mapping]] = ..., replay: _Optional[_Union[ReplaySource, _Mapping]] = ..., deadline_ms: _Optional[int] = ..., ingest_address: _Optional[str] = ...) -> None: ...

class Profile(_message.Message):
    __slots__ = ("duration_seconds", "batch_events", "constant", "poisson", "step", "ramp", "burst", "trace")
    DURATION_SECONDS_FIELD_NUMBER: _ClassVar[int]
    BATCH_EVENTS_FIELD_NUMBER: _ClassVar[int]
    CONSTANT_FIELD_NUMBER: _ClassVar[int]
    POISSON_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    RAMP_FIELD_NUMBER: _ClassVar[int]
    BURST_FIELD_NUMBER: _ClassVar[int]
    TRACE_FIELD_NUMBER: _ClassVar[int]
    duration_seconds: float
    batch_events: int
    constant: ConstantShape
    poisson: PoissonShape
    step: StepShape
    ramp: RampShape
    burst: BurstShape
    trace: TraceShape
    def __init__(self, duration_seconds: _Optional[float] = ..., batch_events: _Optional[int] = ..., constant: _Optional[_Union[ConstantShape, _Mapping]] = ..., poisson: _Optional[_Union[PoissonShape, _Mapping]] = ..., step: _Optional[_Union[StepShape, _Mapping]] = ..., ramp: _Optional[_Union[RampShape, _Mapping]] = ..., burst: _Optional[_Union[BurstShape, _Mapping]] = ..., trace: _Optional[_Union[TraceShape, _Mapping]] = ...) -> None: ...

class ConstantShape(_message.Message):
    __slots__ = ("rate",)
    RATE_FIELD_NUMBER: _ClassVar[int]
    rate: float
    def __init__(self, rate: _Optional[float] = ...) -> None: ...

class PoissonShape(_message.Message):
    __slots__ = ("rate", "seed")
    RATE_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    rate: float
    seed: int
    def __init__(self, rate: _Optional[float] = ..., seed: _Optional[int] = ...) -> None: ...

class StepShape(_message.Message):
    __slots__ = ("rates",)
    RATES_FIELD_NUMBER: _ClassVar[int]
    rates: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, rates: _Optional[_Iterable[float]] = ...) -> None: ...

class RampShape(_message.Message):
    __slots__ = ("from_rate", "to_rate")
    FROM_RATE_FIELD_NUMBER: _ClassVar[int]
    TO_RATE_FIELD_NUMBER: _ClassVar[int]
    from_rate: float
    to_rate: float
    def __init__(self, from_rate: _Optional[float] = ..., to_rate: _Optional[float] = ...) -> None: ...

class BurstShape(_message.Message):
    __slots__ = ("base_rate", "peak_rate", "period_seconds", "burst_seconds")
    BASE_RATE_FIELD_NUMBER: _ClassVar[int]
    PEAK_RATE_FIELD_NUMBER: _ClassVar[int]
    PERIOD_SECONDS_FIELD_NUMBER: _ClassVar[int]
    BURST_SECONDS_FIELD_NUMBER: _ClassVar[int]
    base_rate: float
    peak_rate: float
    period_seconds: float
    burst_seconds: float
    def __init__(self, base_rate: _Optional[float] = ..., peak_rate: _Optional[float] = ..., period_seconds: _Optional[float] = ..., burst_seconds: _Optional[float] = ...) -> None: ...

class TraceShape(_message.Message):
    __slots__ = ("offset_seconds",)
    OFFSET_SECONDS_FIELD_NUMBER: _ClassVar[int]
    offset_seconds: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, offset_seconds: _Optional[_Iterable[float]] = ...) -> None: ...

class SyntheticSource(_message.Message):
    __slots__ = ("seed", "sources", "kinds")
    SEED_FIELD_NUMBER: _ClassVar[int]
    SOURCES_FIELD_NUMBER: _ClassVar[int]
    KINDS_FIELD_NUMBER: _ClassVar[int]
    seed: int
    sources: int
    kinds: int
    def __init__(self, seed: _Optional[int] = ..., sources: _Optional[int] = ..., kinds: _Optional[int] = ...) -> None: ...

class HostSource(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ReplaySource(_message.Message):
    __slots__ = ("path", "columns", "speed")
    PATH_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    SPEED_FIELD_NUMBER: _ClassVar[int]
    path: str
    columns: str
    speed: str
    def __init__(self, path: _Optional[str] = ..., columns: _Optional[str] = ..., speed: _Optional[str] = ...) -> None: ...

class RunLoadResponse(_message.Message):
    __slots__ = ("progress", "samples", "producer_ledger", "result", "file")
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    PRODUCER_LEDGER_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    FILE_FIELD_NUMBER: _ClassVar[int]
    progress: Progress
    samples: Samples
    producer_ledger: ProducerLedgerPage
    result: Result
    file: str
    def __init__(self, progress: _Optional[_Union[Progress, _Mapping]] = ..., samples: _Optional[_Union[Samples, _Mapping]] = ..., producer_ledger: _Optional[_Union[ProducerLedgerPage, _Mapping]] = ..., result: _Optional[_Union[Result, _Mapping]] = ..., file: _Optional[str] = ...) -> None: ...

class Account(_message.Message):
    __slots__ = ("intended", "sent", "acknowledged", "unknown", "refused", "duplicates", "attempts")
    INTENDED_FIELD_NUMBER: _ClassVar[int]
    SENT_FIELD_NUMBER: _ClassVar[int]
    ACKNOWLEDGED_FIELD_NUMBER: _ClassVar[int]
    UNKNOWN_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    DUPLICATES_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    intended: int
    sent: int
    acknowledged: int
    unknown: int
    refused: int
    duplicates: int
    attempts: int
    def __init__(self, intended: _Optional[int] = ..., sent: _Optional[int] = ..., acknowledged: _Optional[int] = ..., unknown: _Optional[int] = ..., refused: _Optional[int] = ..., duplicates: _Optional[int] = ..., attempts: _Optional[int] = ...) -> None: ...

class Progress(_message.Message):
    __slots__ = ("elapsed_seconds", "account", "offered_rate", "acknowledged_rate", "in_flight", "p50_ms", "p99_ms")
    ELAPSED_SECONDS_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    OFFERED_RATE_FIELD_NUMBER: _ClassVar[int]
    ACKNOWLEDGED_RATE_FIELD_NUMBER: _ClassVar[int]
    IN_FLIGHT_FIELD_NUMBER: _ClassVar[int]
    P50_MS_FIELD_NUMBER: _ClassVar[int]
    P99_MS_FIELD_NUMBER: _ClassVar[int]
    elapsed_seconds: float
    account: Account
    offered_rate: float
    acknowledged_rate: float
    in_flight: int
    p50_ms: float
    p99_ms: float
    def __init__(self, elapsed_seconds: _Optional[float] = ..., account: _Optional[_Union[Account, _Mapping]] = ..., offered_rate: _Optional[float] = ..., acknowledged_rate: _Optional[float] = ..., in_flight: _Optional[int] = ..., p50_ms: _Optional[float] = ..., p99_ms: _Optional[float] = ...) -> None: ...

class Samples(_message.Message):
    __slots__ = ("started_unix_nano", "intended_nanos", "sent_nanos", "completed_nanos", "events", "outcome", "blocked_nanos", "starved_nanos")
    STARTED_UNIX_NANO_FIELD_NUMBER: _ClassVar[int]
    INTENDED_NANOS_FIELD_NUMBER: _ClassVar[int]
    SENT_NANOS_FIELD_NUMBER: _ClassVar[int]
    COMPLETED_NANOS_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    BLOCKED_NANOS_FIELD_NUMBER: _ClassVar[int]
    STARVED_NANOS_FIELD_NUMBER: _ClassVar[int]
    started_unix_nano: int
    intended_nanos: _containers.RepeatedScalarFieldContainer[int]
    sent_nanos: _containers.RepeatedScalarFieldContainer[int]
    completed_nanos: _containers.RepeatedScalarFieldContainer[int]
    events: _containers.RepeatedScalarFieldContainer[int]
    outcome: _containers.RepeatedScalarFieldContainer[Outcome]
    blocked_nanos: _containers.RepeatedScalarFieldContainer[int]
    starved_nanos: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, started_unix_nano: _Optional[int] = ..., intended_nanos: _Optional[_Iterable[int]] = ..., sent_nanos: _Optional[_Iterable[int]] = ..., completed_nanos: _Optional[_Iterable[int]] = ..., events: _Optional[_Iterable[int]] = ..., outcome: _Optional[_Iterable[_Union[Outcome, str]]] = ..., blocked_nanos: _Optional[_Iterable[int]] = ..., starved_nanos: _Optional[_Iterable[int]] = ...) -> None: ...

class ProducerLedgerPage(_message.Message):
    __slots__ = ("aggregates", "unknown")
    AGGREGATES_FIELD_NUMBER: _ClassVar[int]
    UNKNOWN_FIELD_NUMBER: _ClassVar[int]
    aggregates: _containers.RepeatedCompositeFieldContainer[ProducerAggregate]
    unknown: bool
    def __init__(self, aggregates: _Optional[_Iterable[_Union[ProducerAggregate, _Mapping]]] = ..., unknown: _Optional[bool] = ...) -> None: ...

class ProducerAggregate(_message.Message):
    __slots__ = ("window", "source", "kind", "count", "sum_high", "sum_low", "minimum", "maximum")
    WINDOW_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    SUM_HIGH_FIELD_NUMBER: _ClassVar[int]
    SUM_LOW_FIELD_NUMBER: _ClassVar[int]
    MINIMUM_FIELD_NUMBER: _ClassVar[int]
    MAXIMUM_FIELD_NUMBER: _ClassVar[int]
    window: int
    source: str
    kind: str
    count: int
    sum_high: int
    sum_low: int
    minimum: float
    maximum: float
    def __init__(self, window: _Optional[int] = ..., source: _Optional[str] = ..., kind: _Optional[str] = ..., count: _Optional[int] = ..., sum_high: _Optional[int] = ..., sum_low: _Optional[int] = ..., minimum: _Optional[float] = ..., maximum: _Optional[float] = ...) -> None: ...

class SkippedRow(_message.Message):
    __slots__ = ("line", "reason")
    LINE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    line: int
    reason: str
    def __init__(self, line: _Optional[int] = ..., reason: _Optional[str] = ...) -> None: ...

class Refusal(_message.Message):
    __slots__ = ("reason", "events", "message")
    REASON_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    reason: str
    events: int
    message: str
    def __init__(self, reason: _Optional[str] = ..., events: _Optional[int] = ..., message: _Optional[str] = ...) -> None: ...

class Result(_message.Message):
    __slots__ = ("account", "started_unix_nano", "ended_unix_nano", "window_nanos", "skipped_rows", "skipped", "stopped", "notes", "refusals", "clock_step_nanos")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    STARTED_UNIX_NANO_FIELD_NUMBER: _ClassVar[int]
    ENDED_UNIX_NANO_FIELD_NUMBER: _ClassVar[int]
    WINDOW_NANOS_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_ROWS_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_FIELD_NUMBER: _ClassVar[int]
    STOPPED_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    REFUSALS_FIELD_NUMBER: _ClassVar[int]
    CLOCK_STEP_NANOS_FIELD_NUMBER: _ClassVar[int]
    account: Account
    started_unix_nano: int
    ended_unix_nano: int
    window_nanos: int
    skipped_rows: int
    skipped: _containers.RepeatedCompositeFieldContainer[SkippedRow]
    stopped: bool
    notes: _containers.RepeatedScalarFieldContainer[str]
    refusals: _containers.RepeatedCompositeFieldContainer[Refusal]
    clock_step_nanos: int
    def __init__(self, account: _Optional[_Union[Account, _Mapping]] = ..., started_unix_nano: _Optional[int] = ..., ended_unix_nano: _Optional[int] = ..., window_nanos: _Optional[int] = ..., skipped_rows: _Optional[int] = ..., skipped: _Optional[_Iterable[_Union[SkippedRow, _Mapping]]] = ..., stopped: _Optional[bool] = ..., notes: _Optional[_Iterable[str]] = ..., refusals: _Optional[_Iterable[_Union[Refusal, _Mapping]]] = ..., clock_step_nanos: _Optional[int] = ...) -> None: ...

class StopRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class StopResponse(_message.Message):
    __slots__ = ("was_running",)
    WAS_RUNNING_FIELD_NUMBER: _ClassVar[int]
    was_running: bool
    def __init__(self, was_running: _Optional[bool] = ...) -> None: ...

class UploadRequest(_message.Message):
    __slots__ = ("header", "chunk")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    header: FileHeader
    chunk: bytes
    def __init__(self, header: _Optional[_Union[FileHeader, _Mapping]] = ..., chunk: _Optional[bytes] = ...) -> None: ...

class FileHeader(_message.Message):
    __slots__ = ("name", "size_bytes", "sha256")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    name: str
    size_bytes: int
    sha256: bytes
    def __init__(self, name: _Optional[str] = ..., size_bytes: _Optional[int] = ..., sha256: _Optional[bytes] = ...) -> None: ...

class UploadResponse(_message.Message):
    __slots__ = ("path",)
    PATH_FIELD_NUMBER: _ClassVar[int]
    path: str
    def __init__(self, path: _Optional[str] = ...) -> None: ...
