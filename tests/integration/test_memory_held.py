"""No process of the embedded stack grows under a steady load."""

from pathlib import Path
from typing import Final

import numpy as np
import pytest

from lab.load.profiles import load
from lab.model import Experiment, Series
from lab.questions import nothing_counted_twice, nothing_lost
from services.contracts.signals import PROCESS_MEMORY_USAGE
from tests.integration.schedules import assert_exact
from tests.integration.settings import HeldSettings
from tests.integration.trials import stack_up

SECONDS: Final = HeldSettings().seconds
RATE: Final = 2_000.0
WARM: Final = 1 / 3
"""Share of the load after which a process has everything that it keeps."""
MEGABYTE: Final = 1e6
TEN_MINUTES_S: Final = 600.0
MOST_IN_TEN_MINUTES: Final = 1.0 * MEGABYTE
MOST_IN_A_SHORT_LOAD: Final = 3.0 * MEGABYTE
"""In a load of seconds a few pages weigh more than a trend."""


def growth(memory: Series) -> float:
    """Return by how many bytes a process grew after it was warm, by the straight line of least squares."""
    warm = memory.time_s >= memory.time_s[0] + WARM * (memory.time_s[-1] - memory.time_s[0])
    times_s, values = memory.time_s[warm], memory.value[warm]
    slope, _ = np.polyfit(times_s - times_s[0], values, 1)
    return float(slope * (times_s[-1] - times_s[0]))


@pytest.mark.timeout(SECONDS + 120)
def test_no_process_grows(tmp_path: Path) -> None:
    """At most a megabyte in ten minutes for each of the four services, or three in a short load; the count is exact."""
    experiment = Experiment(
        "held",
        load=load("synthetic", rate=RATE),
        objectives=[nothing_lost(), nothing_counted_twice()],
        duration=SECONDS,
        warm_up=0,
    )
    with stack_up(tmp_path, {}) as bench:
        evidence, judgement = bench.judged(experiment)
    assert_exact(evidence, judgement)
    name = PROCESS_MEMORY_USAGE.prometheus_name
    grown = [(series.labels["job"], growth(series)) for series in evidence.series if series.name == name]
    assert len(grown) == len({job for job, _ in grown}) == 4, "a process was started again"
    trend = MOST_IN_TEN_MINUTES * SECONDS * (1 - WARM) / TEN_MINUTES_S
    most = trend if SECONDS >= TEN_MINUTES_S else MOST_IN_A_SHORT_LOAD
    assert [(job, size) for job, size in grown if size > most] == []
