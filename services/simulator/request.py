"""Turns a RunLoadRequest that makes sense into a load request with its schedule. Pure."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.contracts.generated.lab.simulator.v1 import simulator_pb2 as pb
from services.contracts.limits import (
    DEFAULT_WINDOW_NS,
    MAX_BATCH_EVENTS,
    MAX_BATCHES,
    MAX_DURATION_S,
    MAX_KEYS_PER_RUN,
    MAX_RUN_BYTES,
    MAX_TIME_NS,
    MIN_WINDOW_NS,
    NANOS,
)
from services.serving.invalid import InvalidRequest
from services.simulator import arrivals
from services.simulator.arrivals import Schedule, Stretch

DEFAULT_DEADLINE_MS: Final = 5_000
MAX_DEADLINE_MS: Final = 3_600_000
"""An hour. A batch that is not acknowledged by then belongs to another experiment."""
MAX_BURSTS: Final = 100_000
"""Bursts of a load run: for a day, one in each second."""
MAX_RATES: Final = 10_000
"""Rates of a step profile: for a day, one for each nine seconds."""
MAX_LEDGER_AGGREGATES: Final = 5_000_000
"""Aggregates (window, source, kind) of a load run's own account, about 300 bytes each."""
MAX_PATH_BYTES: Final = 4_095
MAX_FILE_NAME_BYTES: Final = 255
"""Longest path, and longest name in a path, that Linux opens."""
MAX_TEXT_CHARACTERS: Final = 4_096
"""Characters of the roles of a file's columns."""
RAMP_PARTS: Final = 100
"""Parts of a ramp whose batches are counted at the rate in their middle."""
ADDRESS: Final = re.compile(r"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\]):[0-9]{1,5}")
DEFAULT_SOURCES: Final = 5
DEFAULT_KINDS: Final = 4


@dataclass(frozen=True, slots=True)
class LoadRequest:
    """A checked request for a load run.

    Attributes:
        run: The run that the events belong to.
        window_ns: Width of the run's windows.
        deadline_s: Seconds for which a batch is tried.
        ingest_address: host:port of ingest-api.
    """

    run: str
    window_ns: int
    deadline_s: float
    ingest_address: str


class Pairs(NamedTuple):
    """Numbers of sources and of kinds."""

    sources: int
    kinds: int


def read_request(request: pb.RunLoadRequest) -> LoadRequest:
    """Return the load request. Raises InvalidRequest for a field that makes no sense."""
    profile, run, width, deadline_ms = request.profile, request.run, request.window_nanos, request.deadline_ms
    _require(0 < len(run.encode()) <= MAX_RUN_BYTES, "run", f"1 to {MAX_RUN_BYTES} bytes are needed")
    _require(run.isprintable(), "run", "printable characters are needed")
    _require(bool(ADDRESS.fullmatch(request.ingest_address)), "ingest_address", "host:port of ingest-api is needed")
    _require(0 < profile.duration_seconds <= MAX_DURATION_S, "duration_seconds", "must be more than 0, at most a day")
    batch = profile.batch_events
    _require(batch <= MAX_BATCH_EVENTS, "batch_events", f"{batch}, limit {MAX_BATCH_EVENTS}")
    fitting = width == 0 or MIN_WINDOW_NS <= width <= MAX_TIME_NS
    _require(fitting, "window_nanos", f"{width}, {MIN_WINDOW_NS} to {MAX_TIME_NS} is needed")
    _require(deadline_ms <= MAX_DEADLINE_MS, "deadline_ms", f"{deadline_ms}, limit {MAX_DEADLINE_MS}")
    _require(request.WhichOneof("source") is not None, "source", "one of synthetic, host, replay is needed")
    _check_file(request.replay)
    pairs_of(request.synthetic)
    return LoadRequest(
        run=run,
        window_ns=width or DEFAULT_WINDOW_NS,
        deadline_s=(deadline_ms or DEFAULT_DEADLINE_MS) / 1e3,
        ingest_address=request.ingest_address,
    )


def pairs_of(synthetic: pb.SyntheticSource) -> Pairs:
    """Return the numbers of sources and kinds. Raises InvalidRequest for more pairs than a run may hold.

    >>> pairs_of(pb.SyntheticSource(sources=2))
    Pairs(sources=2, kinds=4)
    """
    pairs = Pairs(synthetic.sources or DEFAULT_SOURCES, synthetic.kinds or DEFAULT_KINDS)
    product = pairs.sources * pairs.kinds
    message = f"{pairs.sources:,} sources of {pairs.kinds:,} kinds are {product:,} pairs, limit {MAX_KEYS_PER_RUN:,}"
    _require(product <= MAX_KEYS_PER_RUN, "synthetic", message)
    return pairs


def check_ledger(request: pb.RunLoadRequest, pairs: int) -> None:
    """Check that the load run's own account stays within its limit. Raises InvalidRequest."""
    profile = request.profile
    windows = profile.duration_seconds * NANOS / (request.window_nanos or DEFAULT_WINDOW_NS) + 1
    if profile.WhichOneof("shape") == "trace":
        events = float(len(profile.trace.offset_seconds))
    else:
        events = sum(stretch.events for stretch in _stretches(profile))
    aggregates = min(events, windows * pairs)
    message = (
        f"up to {aggregates:,.0f} aggregates of (window, source, kind), limit {MAX_LEDGER_AGGREGATES:,}; "
        "use wider windows or a shorter run"
    )
    _require(aggregates <= MAX_LEDGER_AGGREGATES, "window_nanos", message)


def read_schedule(profile: pb.Profile) -> Schedule:
    """Return the schedule of a profile. Raises InvalidRequest for a shape that is missing or makes no sense."""
    batch = profile.batch_events
    if profile.WhichOneof("shape") == "trace":
        return arrivals.trace(_offsets(profile), batch_events=batch)
    stretches = _stretches(profile)
    _require_batches(sum(_batches(stretch, batch) for stretch in stretches))
    if profile.WhichOneof("shape") == "poisson":
        poisson = profile.poisson
        return arrivals.poisson(poisson.rate, profile.duration_seconds, seed=poisson.seed, batch_events=batch)
    return arrivals.schedule(stretches, batch_events=batch)


def peak_rate(profile: pb.Profile) -> float:
    """Return the highest rate of a profile in events per second; 0 for a trace."""
    if profile.WhichOneof("shape") == "trace":
        return 0.0
    return max(max(stretch.from_rate, stretch.to_rate) for stretch in _stretches(profile))


def _offsets(profile: pb.Profile) -> NDArray[np.float64]:
    offsets = np.array(profile.trace.offset_seconds, np.float64)
    # A comparison with NaN is false.
    ascending = len(offsets) > 0 and bool((np.diff(offsets) >= 0).all())
    _require(ascending, "trace", "offsets must be there, in ascending order")
    within = bool(offsets[0] >= 0 and offsets[-1] <= profile.duration_seconds)
    _require(within, "trace", "offsets must lie within the duration")
    return offsets


def _stretches(profile: pb.Profile) -> list[Stretch]:
    """Return the stretches of every shape but a trace; for a Poisson process those of its average."""
    shape, duration_s = profile.WhichOneof("shape"), profile.duration_seconds
    if shape in {"constant", "poisson"}:
        rate = profile.constant.rate if shape == "constant" else profile.poisson.rate
        _require_rates(f"{shape}.rate", [rate])
        return arrivals.constant(rate, duration_s)
    if shape == "step":
        rates = len(profile.step.rates)
        _require(rates <= MAX_RATES, "step.rates", f"{rates:,} rates, limit {MAX_RATES:,}")
        _require_rates("step.rates", profile.step.rates)
        return arrivals.step(profile.step.rates, duration_s)
    if shape == "ramp":
        _require_rates("ramp", [profile.ramp.from_rate, profile.ramp.to_rate])
        return arrivals.ramp(profile.ramp.from_rate, profile.ramp.to_rate, duration_s)
    _require(shape == "burst", "profile", "one of constant, poisson, step, ramp, burst, trace is needed")
    burst = profile.burst
    _require_rates("burst", [burst.base_rate, burst.peak_rate])
    bounded = 0 < burst.burst_seconds < burst.period_seconds < math.inf
    _require(bounded, "burst", "a burst must be shorter than its period")
    bursts = duration_s / burst.period_seconds
    _require(bursts <= MAX_BURSTS, "burst.period_seconds", f"{bursts:,.0f} bursts, limit {MAX_BURSTS:,}")
    return arrivals.burst(
        burst.base_rate,
        burst.peak_rate,
        period_s=burst.period_seconds,
        burst_s=burst.burst_seconds,
        duration_s=duration_s,
    )


def _batches(stretch: Stretch, batch_events: int) -> float:
    """Return about how many batches a stretch has."""
    if stretch.from_rate == stretch.to_rate:
        return stretch.events / (batch_events or arrivals.default_batch(stretch.from_rate))
    step = (stretch.to_rate - stretch.from_rate) / RAMP_PARTS
    rates = [stretch.from_rate + step * (part + 0.5) for part in range(RAMP_PARTS)]
    calls = sum(rate / (batch_events or arrivals.default_batch(rate)) for rate in rates)
    return calls * (stretch.end_s - stretch.start_s) / RAMP_PARTS


def _require_batches(batches: float) -> None:
    message = (
        f"about {batches:,.0f} batches, limit {MAX_BATCHES:,}; lower the rate or the duration, or send larger ones"
    )
    _require(batches <= MAX_BATCHES, "profile", message)


def _check_file(replay: pb.ReplaySource) -> None:
    """Check that the texts of a replay can be what they are for. Raises InvalidRequest."""
    path = replay.path.encode()
    openable = len(path) <= MAX_PATH_BYTES and all(len(name) <= MAX_FILE_NAME_BYTES for name in path.split(b"/"))
    _require(openable and b"\0" not in path, "path", f"{len(path):,} bytes, no system opens such a path")
    for field, text in (("columns", replay.columns), ("speed", replay.speed)):
        message = f"{len(text):,} characters, limit {MAX_TEXT_CHARACTERS:,}"
        _require(len(text) <= MAX_TEXT_CHARACTERS, field, message)


def _require_rates(field: str, rates: Sequence[float]) -> None:
    """Require that no rate is negative, and that at least one is above 0."""
    sensible = all(math.isfinite(rate) and rate >= 0 for rate in rates) and any(rates)
    _require(sensible, field, "events per second, none negative, not all 0")


def _require(condition: bool, field: str, message: str) -> None:  # noqa: FBT001  reads as a sentence
    if not condition:
        raise InvalidRequest("BAD_LOAD", field, message)
