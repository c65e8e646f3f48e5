"""A load run that would fill the simulator is refused before anything is made of it, with the bound."""

import math
from collections.abc import Callable
from typing import Any, Final

import pytest

from services.contracts.generated.lab.simulator.v1 import simulator_pb2 as pb
from services.serving.invalid import InvalidRequest
from services.simulator import arrivals
from services.simulator import request as checks
from services.simulator.request import read_request
from services.simulator.sources import Prepared, prepare

DAY_S: Final = 86_400


def request(**fields: Any) -> pb.RunLoadRequest:
    """Return a request for a second of synthetic events, with other fields where they are given."""
    usual: dict[str, Any] = {
        "run": "r",
        "ingest_address": "127.0.0.1:9",
        "profile": pb.Profile(duration_seconds=1, constant=pb.ConstantShape(rate=100)),
        "synthetic": pb.SyntheticSource(seed=1),
    }
    return pb.RunLoadRequest(**usual | fields)


def shaped(duration_s: float = DAY_S, batch_events: int = 0, **shape: Any) -> pb.RunLoadRequest:
    """Return a request for a shape."""
    return request(profile=pb.Profile(duration_seconds=duration_s, batch_events=batch_events, **shape))


def names(sources: int, kinds: int) -> pb.RunLoadRequest:
    """Return a request for events of many names."""
    return request(synthetic=pb.SyntheticSource(sources=sources, kinds=kinds))


def constant(rate: float) -> dict[str, Any]:
    """Return a constant shape."""
    return {"constant": pb.ConstantShape(rate=rate)}


TOO_LARGE: Final[dict[str, tuple[Callable[[], pb.RunLoadRequest], str]]] = {
    "rate": (lambda: shaped(**constant(1e9)), "172,800,000,000 batches, limit 10,000,000"),
    "single events": (lambda: shaped(batch_events=1, **constant(1_000)), "86,400,000 batches, limit 10,000,000"),
    "poisson": (lambda: shaped(poisson=pb.PoissonShape(rate=1e9)), "limit 10,000,000"),
    "step": (lambda: shaped(step=pb.StepShape(rates=[1, 1e9])), "limit 10,000,000"),
    "ramp": (lambda: shaped(ramp=pb.RampShape(from_rate=0, to_rate=1e9)), "limit 10,000,000"),
    "endless ramp": (lambda: shaped(ramp=pb.RampShape(from_rate=0, to_rate=1e308)), "limit 10,000,000"),
    "steps": (lambda: shaped(step=pb.StepShape(rates=[1.0] * 10_001)), "10,001 rates, limit 10,000"),
    "period": (
        lambda: shaped(burst=pb.BurstShape(base_rate=1, peak_rate=2, period_seconds=1e-6, burst_seconds=1e-7)),
        "86,400,000,000 bursts, limit 100,000",
    ),
    "names": (lambda: names(10_000, 10_000), "100,000,000 pairs, limit 10,000"),
    "sources": (lambda: names(2**32 - 1, 0), "limit 10,000"),
    "windows": (
        lambda: request(window_nanos=1_000_000, profile=pb.Profile(duration_seconds=DAY_S, **constant(1_000))),
        "86,400,000 aggregates of .* limit 5,000,000",
    ),
    "deadline": (lambda: request(deadline_ms=2**32 - 1), "4294967295, limit 3600000"),
    "window": (lambda: request(window_nanos=2**64 - 1), "window_nanos"),
    "duration": (lambda: shaped(math.inf, **constant(1)), "at most a day"),
    "long run": (lambda: request(run="r" * 81), "1 to 80 bytes"),
    "run": (lambda: request(run="a\0b"), "printable"),
    "no address": (lambda: request(ingest_address="dns:///elsewhere"), "host:port"),
    "long address": (lambda: request(ingest_address="x" * 5_000 + ":1"), "host:port"),
    "columns": (lambda: request(replay=pb.ReplaySource(path="x.csv", columns="x" * 5_000)), "5,000 characters"),
    "trace": (lambda: shaped(trace=pb.TraceShape(offset_seconds=[0.0, math.nan, 1.0])), "ascending"),
    "one trace": (lambda: shaped(trace=pb.TraceShape(offset_seconds=[math.nan])), "within the duration"),
}


def read_and_prepare(request: pb.RunLoadRequest) -> Prepared:
    """Check a request and prepare its load run, as the simulator does."""
    read_request(request)
    return prepare(request)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(("make", "words"), TOO_LARGE.values(), ids=TOO_LARGE)
def test_a_load_run_that_is_too_large_is_refused(make: Callable[[], pb.RunLoadRequest], words: str) -> None:
    """The message tells what was asked for, and the limit."""
    with pytest.raises(InvalidRequest, match=words) as refused:
        read_and_prepare(make())
    assert refused.value.reason == "BAD_LOAD"


ALLOWED: Final[dict[str, Callable[[], pb.RunLoadRequest]]] = {
    "usual": request,
    "names": lambda: names(100, 100),
    "bursts": lambda: shaped(
        100, burst=pb.BurstShape(base_rate=1, peak_rate=2, period_seconds=0.01, burst_seconds=0.001)
    ),
    "ramp": lambda: shaped(600, ramp=pb.RampShape(from_rate=0, to_rate=50_000)),
    "poisson": lambda: shaped(600, poisson=pb.PoissonShape(rate=1_000)),
    "fast": lambda: shaped(1, **constant(1e6)),
    "trace": lambda: shaped(trace=pb.TraceShape(offset_seconds=[0.0, 0.0, 1.0])),
    "address": lambda: request(ingest_address="[::1]:7000"),
    "name": lambda: request(ingest_address="ingest-api.lab.svc:7000"),
}


@pytest.mark.parametrize("make", ALLOWED.values(), ids=ALLOWED)
def test_a_load_run_within_the_bounds_is_prepared(make: Callable[[], pb.RunLoadRequest]) -> None:
    """With as many events as its shape has."""
    prepared = read_and_prepare(make())
    assert len(prepared.schedule) > 0
    assert prepared.schedule.events.sum() > 0


def test_a_day_at_the_usual_hundred_batches_a_second_is_allowed() -> None:
    """It has 8.64 million batches. They are counted here and not made, since that takes a while."""
    [day] = arrivals.constant(20_000, DAY_S)
    batches = checks._batches(day, 0)
    assert batches == 8_640_000
    checks._require_batches(batches)
    with pytest.raises(InvalidRequest, match="limit 10,000,000"):
        checks._require_batches(2 * batches)
