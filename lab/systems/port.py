"""What a trial needs to know of the system that it measures."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class System:
    """The names of the services and metrics of a system under observation.

    Attributes:
        services: Services that a target runs, in the order of starting.
        promised: Service → counter that every process of it exports from second 0 (Prometheus name).
        series: Metrics that are kept with a run (Prometheus names).
        commit_job: Prometheus job whose scrape must follow the last commit before counts are compared.
    """

    services: tuple[str, ...]
    promised: Mapping[str, str]
    series: tuple[str, ...]
    commit_job: str
