"""Opens the source of events that a request names."""

from typing import NamedTuple

from services.contracts.generated.lab.simulator.v1 import simulator_pb2 as pb
from services.simulator import arrivals
from services.simulator.arrivals import Schedule
from services.simulator.request import check_ledger, pairs_of, peak_rate, read_schedule
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
    """Open the source of a request and make its schedule.

    Raises:
        SourceFault: The file cannot be read.
        InvalidRequest: The profile makes no sense, or the source cannot follow it.
    """
    kind = request.WhichOneof("source")
    if kind == "replay":
        return _replay(request)
    if kind == "host":
        host = open_host(peak_rate(request.profile))
        check_ledger(request, host.kinds)
        return Prepared(host, read_schedule(request.profile))
    pairs = pairs_of(request.synthetic)
    check_ledger(request, pairs.sources * pairs.kinds)
    source = SyntheticSource(seed=request.synthetic.seed, sources=pairs.sources, kinds=pairs.kinds)
    return Prepared(source, read_schedule(request.profile))


def _replay(request: pb.RunLoadRequest) -> Prepared:
    """Open a file. Without a shape the file keeps its own pace, with a shape the profile sets the pace."""
    replay, profile = request.replay, request.profile
    source = open_replay(replay.path, replay.columns)
    if profile.WhichOneof("shape") is None:
        offsets = source.offsets_s(profile.duration_seconds, replay.speed)
        schedule = arrivals.trace(offsets, batch_events=profile.batch_events)
    else:
        schedule = arrivals.cut(read_schedule(profile), len(source))
    return Prepared(source, schedule, source.window_ns if request.window_fits_file else 0)
