"""Checks a RunLoadRequest, and returns it as a load request and a schedule. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from services.contracts.generated.lab.simulator.v1 import simulator_pb2 as pb
from services.contracts.limits import DEFAULT_WINDOW_NS, MAX_BATCH_EVENTS, MAX_RUN_BYTES, MIN_WINDOW_NS
from services.serving.invalid import InvalidRequest
from services.simulator import arrivals
from services.simulator.arrivals import Schedule, Stretch

DEFAULT_DEADLINE_MS: Final = 5_000
MAX_DURATION_S: Final = 86_400.0


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


def read_request(request: pb.RunLoadRequest) -> LoadRequest:
    """Return the load request. Raises InvalidRequest for a field that makes no sense."""
    profile = request.profile
    _require(0 < len(request.run.encode()) <= MAX_RUN_BYTES, "run", f"1 to {MAX_RUN_BYTES} bytes are needed")
    _require(bool(request.ingest_address), "ingest_address", "host:port of ingest-api is needed")
    _require(0 < profile.duration_seconds <= MAX_DURATION_S, "duration_seconds", "must be more than 0, at most a day")
    batch = profile.batch_events
    _require(batch <= MAX_BATCH_EVENTS, "batch_events", f"{batch}, limit {MAX_BATCH_EVENTS}")
    width = request.window_nanos
    _require(width == 0 or width >= MIN_WINDOW_NS, "window_nanos", f"{width}, at least {MIN_WINDOW_NS}")
    _require(request.WhichOneof("source") is not None, "source", "one of synthetic, host, replay is needed")
    return LoadRequest(
        run=request.run,
        window_ns=width or DEFAULT_WINDOW_NS,
        deadline_s=(request.deadline_ms or DEFAULT_DEADLINE_MS) / 1e3,
        ingest_address=request.ingest_address,
    )


def read_schedule(profile: pb.Profile) -> Schedule:
    """Return the schedule of a profile. Raises InvalidRequest for a shape that is missing or makes no sense."""
    shape, duration_s, batch = profile.WhichOneof("shape"), profile.duration_seconds, profile.batch_events
    if shape == "poisson":
        _require_rates("poisson.rate", [profile.poisson.rate])
        return arrivals.poisson(profile.poisson.rate, duration_s, seed=profile.poisson.seed, batch_events=batch)
    if shape == "trace":
        offsets = list(profile.trace.offset_seconds)
        _require(bool(offsets) and offsets == sorted(offsets), "trace", "offsets must be there, in ascending order")
        _require(offsets[0] >= 0 and offsets[-1] <= duration_s, "trace", "offsets must lie within the duration")
        return arrivals.trace(offsets, batch_events=batch)
    return arrivals.schedule(_stretches(profile, duration_s), batch_events=batch)


def peak_rate(profile: pb.Profile) -> float:
    """Return the highest rate of a profile in events per second; 0 for a trace."""
    if profile.WhichOneof("shape") == "poisson":
        return profile.poisson.rate
    if profile.WhichOneof("shape") == "trace":
        return 0.0
    stretches = _stretches(profile, profile.duration_seconds)
    return max(max(stretch.from_rate, stretch.to_rate) for stretch in stretches)


def _stretches(profile: pb.Profile, duration_s: float) -> list[Stretch]:
    shape = profile.WhichOneof("shape")
    if shape == "constant":
        _require_rates("constant.rate", [profile.constant.rate])
        return arrivals.constant(profile.constant.rate, duration_s)
    if shape == "step":
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
    return arrivals.burst(
        burst.base_rate,
        burst.peak_rate,
        period_s=burst.period_seconds,
        burst_s=burst.burst_seconds,
        duration_s=duration_s,
    )


def _require_rates(field: str, rates: Sequence[float]) -> None:
    """Require that no rate is negative, and that at least one is above 0."""
    sensible = all(math.isfinite(rate) and rate >= 0 for rate in rates) and any(rates)
    _require(sensible, field, "events per second, none negative, not all 0")


def _require(condition: bool, field: str, message: str) -> None:  # noqa: FBT001  reads as a sentence
    if not condition:
        raise InvalidRequest("BAD_LOAD", field, message)
