"""Loads as a notebook names them: what is sent, and at which rate."""

from __future__ import annotations

import difflib
import math
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lab.errors import DataFault, UsageFault
from lab.model import Burst, Constant, Host, Load, Poisson, Ramp, Replay, Step, Synthetic, Trace
from lab.model.arguments import check_numeric, check_text, check_whole
from services.contracts.limits import MAX_BATCH_EVENTS

if TYPE_CHECKING:
    from lab.model import Shape, Source

SOURCES: Final = ("synthetic", "host", "replay")
DEFAULT_RATES: Final = {"synthetic": 1_000.0, "host": 500.0}
"""Events per second. About five hundred readings a second do not disturb the machine that is read."""
SHAPES: Final = (Constant, Poisson, Step, Ramp, Burst, Trace)
LONGEST_SHAPE: Final = 80
"""Characters of a shape in a message; a trace may have a million offsets."""
FASTEST: Final = "max"
LARGEST_SEED: Final = 2**64 - 1
"""The largest seed that fits into the simulator's messages."""


def load(  # noqa: PLR0913 - one argument for each parameter of a notebook, all but one by keyword
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
    """Return a load: what is sent, and when.

    Args:
        source: `synthetic` (seeded events), `host` (readings of the machine), `replay` (a file).
        rate: Events per second, open-loop: the time of a send does not depend on earlier answers. 0 means 1,000 for
            synthetic, 500 for host, the file's own pace for replay.
        path: For replay: a CSV, JSON-lines or Parquet file.
        columns: For replay: which column is what, as `time=ts,source=host,kind=metric,value=v`; empty recognises them.
            `time=date+hour` joins columns, `source=` means none; `unit=ms`, `decimal=comma` say how numbers are read.
        speed: For replay: a factor, `max`, or empty to fit the file into the duration; not together with a rate.
        shape: A rate that changes over time, in place of *rate*.
        seed: Seed of synthetic events.
        batch_events: Events per call; 0 makes about a hundred calls a second.

    Raises:
        UsageFault: The combination makes no sense.
        DataFault: The file to replay cannot be read.

    >>> load("synthetic", rate=2000).shape
    Constant(rate=2000)
    """
    for name, text in (("source", source), ("path", path), ("columns", columns), ("speed", speed)):
        check_text(name, text)
    _check_source(source)
    _check_rate(rate, shape)
    _check_seed(seed)
    check_whole("batch_events", batch_events)
    if not 0 <= batch_events <= MAX_BATCH_EVENTS:
        raise _usage(f"batch_events: {batch_events} must be 0 (about 100 calls a second) to {MAX_BATCH_EVENTS:,}")
    if source != "replay":
        _refuse_file_options(source, path=path, columns=columns, speed=speed)
        events: Source = Synthetic(seed=seed) if source == "synthetic" else Host()
        return Load(events, shape or Constant(rate or DEFAULT_RATES[source]), batch_events)
    if speed and (rate or shape):
        raise _usage("replay takes a rate or a speed, not both", next_step='give speed="2", or rate=2000, or neither')
    _check_speed(speed)
    return Load(Replay(_readable(path), columns, speed), shape or (Constant(rate) if rate else None), batch_events)


def _check_source(source: str) -> None:
    if source in SOURCES:
        return
    close = difflib.get_close_matches(source, SOURCES, n=1, cutoff=0.4)
    suggestion = f'did you mean "{close[0]}"?' if close else f'source="{SOURCES[0]}"'
    raise _usage(f'no source "{source}"', found=f"there are: {', '.join(SOURCES)}", next_step=suggestion)


def _check_rate(rate: float, shape: Shape | None) -> None:
    check_numeric("rate", rate)
    if not math.isfinite(rate) or rate < 0:
        raise _usage(f"rate: {rate:g} must be a positive number of events per second, or 0 for the default")
    if rate and shape:
        raise _usage("a load takes a rate or a shape, not both", next_step=f"leave out rate={rate:g}")
    if shape:
        _check_kind(shape)
        _check_shape(shape)
    if isinstance(shape, Poisson):
        _check_seed(shape.seed)


def _check_kind(shape: object) -> None:
    if not isinstance(shape, SHAPES):
        names = ", ".join(kind.__name__ for kind in SHAPES)
        raise _usage(f"shape: {str(shape)[:LONGEST_SHAPE]!r} is no shape of a load", found=f"there are: {names}")
    for number in _numbers(shape):
        check_numeric("shape", number)


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
        brief = str(shape) if len(str(shape)) <= LONGEST_SHAPE else f"{str(shape)[: LONGEST_SHAPE - 3]}…"
        rule = (
            "rates must be finite and not negative, and not all 0; times must not be negative\n"
            "and must ascend; a burst must be shorter than its period"
        )
        raise _usage(f"shape: {brief} offers no load", found=rule)


def _check_seed(seed: int) -> None:
    check_whole("seed", seed)
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
        names = " and ".join(given)
        raise _usage(f"{names}: only a replay takes that, not {source}", next_step=f'source="replay", {given[0]}=…')


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
    """Return the absolute path of the file, since the simulator runs in another folder."""
    if not path:
        raise _usage("replay needs a file", next_step='path="measurements.csv"   (CSV, JSON lines or Parquet)')
    file = Path(path).expanduser().resolve()
    if not file.is_file():
        problem = "is a folder" if file.is_dir() else "does not exist"
        next_step = "path=… of a CSV, JSON-lines or Parquet file, absolute or relative to the current folder"
        raise DataFault(f"cannot replay {path}", found=f"{file} {problem}", next_step=next_step, code="NO_FILE")
    try:
        file.open("rb").close()
    except OSError as error:
        raise DataFault(f"cannot replay {path}", found=f"{file}: {error.strerror}", code="NO_FILE") from error
    return str(file)


def _usage(attempted: str, *, found: str = "", next_step: str = "") -> UsageFault:
    return UsageFault(attempted, found=found, next_step=next_step, code="BAD_LOAD")
