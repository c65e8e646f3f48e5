"""Loads as a notebook asks for them: what is sent, at which rate."""

from __future__ import annotations

import difflib
import math
from bisect import bisect_left
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lab.errors import DataFault, UsageFault
from lab.model import Burst, Constant, Host, Load, Poisson, Ramp, Replay, Step, Synthetic, Trace
from services.contracts.limits import MAX_BATCH_EVENTS

if TYPE_CHECKING:
    from lab.model import Shape, Source

SOURCES: Final = ("synthetic", "host", "replay")
DEFAULT_RATES: Final = {"synthetic": 1_000.0, "host": 500.0}
"""Events per second; a machine can be read about five hundred times a second without being felt."""
FASTEST: Final = "max"
BATCHES_PER_SECOND: Final = 100
LARGEST_DEFAULT_BATCH: Final = 500
LARGEST_SEED: Final = 2**64 - 1
"""What the simulator's messages hold."""


def load(  # noqa: PLR0913 - one for each parameter a notebook has, all but one by keyword
    source: str = "synthetic",
    *,
    rate: float = 0.0,
    path: str = "",
    columns: str = "",
    speed: str = "",
    shape: Shape | None = None,
    seed: int = 0,
    batch_events: int = 0,
) -> Load:
    """What is sent, and when.

    Args:
        source: `synthetic` (seeded events), `host` (readings of the machine), `replay` (a file).
        rate: Events per second, open-loop; 0 means 1,000 for synthetic, 500 for host, a file's own pace for replay.
        path: For replay: a CSV, JSON-lines or Parquet file.
        columns: For replay: which column is what, as `time=ts,source=host,kind=metric,value=v`; empty to tell by names.
        speed: For replay: a factor, `max`, or empty to fit the file into the duration; not together with a rate.
        shape: A rate that changes over time, in place of *rate*.
        seed: Of synthetic events.
        batch_events: Events per call; 0 for about a hundred calls a second.

    Raises:
        UsageFault: The combination makes no sense.
        DataFault: The file to replay cannot be read.

    >>> load("synthetic", rate=2000).shape
    Constant(rate=2000)
    """
    _check_source(source)
    _check_rate(rate, shape)
    _check_seed(seed)
    if not 0 <= batch_events <= MAX_BATCH_EVENTS:
        raise _usage(f"batch_events: {batch_events} must be 0 (about 100 calls a second) to {MAX_BATCH_EVENTS:,}")
    if source != "replay":
        _refuse_file_options(source, path=path, columns=columns, speed=speed)
        made: Source = Synthetic(seed=seed) if source == "synthetic" else Host()
        return Load(made, shape or Constant(rate or DEFAULT_RATES[source]), batch_events)
    if speed and (rate or shape):
        raise _usage("replay takes a rate or a speed, not both", next_step='give speed="2", or rate=2000, or neither')
    _check_speed(speed)
    return Load(Replay(_readable(path), columns, speed), shape or (Constant(rate) if rate else None), batch_events)


def rate_at(shape: Shape, elapsed_s: float, duration_s: float) -> float:
    """Offered events per second at a moment of the load; 0 outside of it. For Poisson, the mean.

    >>> rate_at(Step((100, 200)), 7.5, duration_s=10)
    200.0
    >>> rate_at(Ramp(0, 1000), 5, duration_s=10)
    500.0
    """
    if not 0 <= elapsed_s < duration_s:
        return 0.0
    match shape:
        case Constant(rate) | Poisson(rate):
            return float(rate)
        case Step(rates):
            return float(rates[int(elapsed_s / duration_s * len(rates))])
        case Ramp(from_rate, to_rate):
            return from_rate + (to_rate - from_rate) * elapsed_s / duration_s
        case Burst(base_rate, peak_rate, period_s, burst_s):
            return float(peak_rate if elapsed_s % period_s < burst_s else base_rate)
        case Trace(offsets_s):
            return float(bisect_left(offsets_s, elapsed_s + 0.5) - bisect_left(offsets_s, elapsed_s - 0.5))


def batch_events_at(rate: float) -> int:
    """Events per call where none are given: about a hundred calls a second (`ARCHITECTURE.md` D35).

    >>> batch_events_at(1000), batch_events_at(20), batch_events_at(1e6)
    (10, 1, 500)
    """
    return int(min(max(rate / BATCHES_PER_SECOND, 1), LARGEST_DEFAULT_BATCH))


def _check_source(source: str) -> None:
    if source in SOURCES:
        return
    close = difflib.get_close_matches(source, SOURCES, n=1, cutoff=0.4)
    meant = f'did you mean "{close[0]}"?' if close else f'source="{SOURCES[0]}"'
    raise _usage(f'no source "{source}"', found=f"there are: {', '.join(SOURCES)}", next_step=meant)


def _check_rate(rate: float, shape: Shape | None) -> None:
    if not math.isfinite(rate) or rate < 0:
        raise _usage(f"rate: {rate:g} must be a positive number of events per second, or 0 for the default")
    if rate and shape:
        raise _usage("a load takes a rate or a shape, not both", next_step=f"leave out rate={rate:g}")
    if shape:
        _check_shape(shape)
    if isinstance(shape, Poisson):
        _check_seed(shape.seed)


def _check_shape(shape: Shape) -> None:
    match shape:
        case Constant(rate) | Poisson(rate):
            sound = rate > 0
        case Step(rates):
            sound = bool(rates) and min(rates) >= 0 and max(rates) > 0
        case Ramp(first, second):
            sound = min(first, second) >= 0 and max(first, second) > 0
        case Burst(base, peak, period_s, burst_s):
            sound = min(base, peak) >= 0 and max(base, peak) > 0 and 0 < burst_s < period_s
        case Trace(offsets_s):
            sound = bool(offsets_s) and offsets_s[0] >= 0 and list(offsets_s) == sorted(offsets_s)
    if not sound or any(not math.isfinite(number) for number in _numbers(shape)):
        brief = str(shape) if len(str(shape)) <= 80 else f"{str(shape)[:77]}…"
        rule = (
            "rates must be finite, not negative and somewhere positive; times must not be negative\n"
            "and must ascend; a burst must be shorter than its period"
        )
        raise _usage(f"shape: {brief} offers nothing that can be played", found=rule)


def _check_seed(seed: int) -> None:
    if not 0 <= seed <= LARGEST_SEED:
        raise _usage(f"seed: {seed} must be 0 to 2^64 - 1")


def _numbers(shape: Shape) -> tuple[float, ...]:
    match shape:
        case Step(numbers) | Trace(numbers):
            return numbers
        case Constant(rate) | Poisson(rate):
            return (rate,)
        case Ramp(first, second):
            return (first, second)
        case Burst(base_rate, peak_rate, period_s, burst_s):
            return (base_rate, peak_rate, period_s, burst_s)


def _refuse_file_options(source: str, **options: str) -> None:
    given = [name for name, value in options.items() if value]
    if given:
        what = " and ".join(given)
        raise _usage(f"{what}: only a replay takes that, not {source}", next_step=f'source="replay", {given[0]}=…')


def _check_speed(speed: str) -> None:
    if speed in {"", FASTEST}:
        return
    try:
        factor = float(speed)
    except ValueError:
        factor = math.nan
    if not math.isfinite(factor) or factor <= 0:
        raise _usage(f'speed: "{speed}" must be a positive factor, "{FASTEST}", or empty to fit the file into the run')


def _readable(path: str) -> str:
    """The absolute path of the file, since the simulator runs elsewhere."""
    if not path:
        raise _usage("replay needs a file", next_step='path="measurements.csv"   (CSV, JSON lines or Parquet)')
    place = Path(path).expanduser().resolve()
    if not place.is_file():
        what = "is a folder" if place.is_dir() else "does not exist"
        give = "path=… of a CSV, JSON-lines or Parquet file, absolute or from the folder this runs in"
        raise DataFault(f"cannot replay {path}", found=f"{place} {what}", next_step=give, code="NO_FILE")
    try:
        place.open("rb").close()
    except OSError as error:
        raise DataFault(f"cannot replay {path}", found=f"{place}: {error.strerror}", code="NO_FILE") from error
    return str(place)


def _usage(attempted: str, *, found: str = "", next_step: str = "") -> UsageFault:
    return UsageFault(attempted, found=found, next_step=next_step, code="BAD_LOAD")
