"""Where each process of a trial ran: node, architecture, and whether that was emulated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from lab.analysis.agreement import increase
from lab.model import processor_of
from services.contracts.signals import SIMULATOR_EVENTS_SENT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.model import Evidence, Series

NODE: Final = "k8s_node_name"
ARCHITECTURE: Final = "host_arch"
"""Labels of every series that came by OTLP: resource attributes of the process."""
SENT: Final = SIMULATOR_EVENTS_SENT.prometheus_name


class Place(NamedTuple):
    """Where a process ran; both are empty where nobody knows."""

    node: str
    architecture: str


NOWHERE: Final = Place("", "")


def places_of(evidence: Evidence) -> Mapping[str, Place]:
    """Instance → place, also of processes that have ended: by the labels of their series, else by their own word."""
    said = {one.instance_id: Place(one.node, one.architecture) for one in evidence.statuses if one.instance_id}
    labelled = {
        one.labels["instance"]: Place(one.labels.get(NODE, ""), processor_of(one.labels[ARCHITECTURE]))
        for one in evidence.series
        if ARCHITECTURE in one.labels and "instance" in one.labels
    }
    return {**said, **labelled}


def emulated_places(evidence: Evidence) -> Mapping[Place, str]:
    """Places whose processes run emulated → how one of them says so."""
    return {
        Place(one.node, one.architecture): f"{one.host_architecture} on a CPU that is {one.cpu_architecture}"
        for one in evidence.statuses
        if one.emulated
    }


def node_of_load(evidence: Evidence) -> str:
    """The node whose simulator played the load; empty on one machine, and where nobody knows."""
    places, window = places_of(evidence), evidence.load_run.window
    senders = [one for one in evidence.series if one.name == SENT and increase(one, window)]
    busiest = max(senders, key=lambda one: increase(one, window), default=None)
    return places.get(_instance(busiest), NOWHERE).node if busiest is not None else ""


def _instance(series: Series) -> str:
    return series.labels.get("instance", "")
