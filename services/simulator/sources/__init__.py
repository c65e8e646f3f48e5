"""Where events come from, chosen by the request."""

from typing import NamedTuple

from services.contracts.generated.lab.simulator.v1 import simulator_pb2 as pb
from services.simulator import arrivals
from services.simulator.arrivals import Schedule
from services.simulator.request import peak_rate, read_schedule
from services.simulator.source import Source
from services.simulator.sources.host import open_host
from services.simulator.sources.replay import open_replay
from services.simulator.sources.synthetic import SyntheticSource


class Prepared(NamedTuple):
    """A source with its schedule; `window_ns` is 0 where the request decides the width."""

    source: Source
    schedule: Schedule
    window_ns: int = 0


def prepare(request: pb.RunLoadRequest) -> Prepared:
    """Open what is asked for; SourceFault where it cannot be had, Refused where the profile makes no sense."""
    kind = request.WhichOneof("source")
    if kind == "replay":
        return _replay(request)
    schedule = read_schedule(request.profile)
    if kind == "host":
        return Prepared(open_host(peak_rate(request.profile)), schedule)
    asked = request.synthetic
    return Prepared(SyntheticSource(seed=asked.seed, sources=asked.sources or 5, kinds=asked.kinds or 4), schedule)


def _replay(request: pb.RunLoadRequest) -> Prepared:
    """A file at its own pace, or, where the profile has a shape, at that of the profile as far as the file goes."""
    asked, profile = request.replay, request.profile
    source = open_replay(asked.path, asked.columns)
    if profile.WhichOneof("shape") is None:
        offsets = source.offsets_s(profile.duration_seconds, asked.speed)
        schedule = arrivals.trace(offsets, batch_events=profile.batch_events)
    else:
        schedule = arrivals.cut(read_schedule(profile), len(source))
    return Prepared(source, schedule, source.window_ns if request.window_fits_file else 0)
