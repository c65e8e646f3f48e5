"""Where each process of a trial ran: node, architecture, and whether the processor was emulated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from lab.analysis.counters import increases
from lab.model import processor_of
from services.contracts.signals import SIMULATOR_EVENTS_SENT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.model import Evidence

NODE: Final = "k8s_node_name"
ARCHITECTURE: Final = "host_arch"
"""Labels of every series that came by OTLP; they are resource attributes of the process."""
SENT: Final = SIMULATOR_EVENTS_SENT.prometheus_name


class Place(NamedTuple):
    """Node and architecture of a process; each is empty where it is not known."""

    node: str
    architecture: str


NOWHERE: Final = Place("", "")


def places_of(evidence: Evidence) -> Mapping[str, Place]:
    """Return instance → place, from the labels of each series, else from the status of the process.

    Series have the places of processes that have ended, too.
    """
    reported = {
        status.instance_id: Place(status.node, status.architecture)
        for status in evidence.statuses
        if status.instance_id
    }
    labelled = {
        series.labels["instance"]: Place(series.labels.get(NODE, ""), processor_of(series.labels[ARCHITECTURE]))
        for series in evidence.series
        if ARCHITECTURE in series.labels and "instance" in series.labels
    }
    return {**reported, **labelled}


def emulated_places(evidence: Evidence) -> Mapping[Place, str]:
    """Return the places that are emulated → which architecture is emulated on which."""
    emulated = [status for status in evidence.statuses if status.emulated]
    places = [Place(status.node, status.architecture) for status in emulated]
    words = [f"{status.host_architecture} on a CPU that is {status.cpu_architecture}" for status in emulated]
    return dict(zip(places, words, strict=True))


def node_of_load(evidence: Evidence) -> str:
    """Return the node of the simulator that sent the load; empty on one machine, and where it is not known."""
    sent = increases(evidence.series, SENT, evidence.load_run.window)
    busiest = max(sent, key=lambda instance: sent[instance], default="")
    return places_of(evidence).get(busiest, NOWHERE).node if sent.get(busiest) else ""
