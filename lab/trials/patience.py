"""Says how long a trial waits for what."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a trial waits, in seconds."""

    drain_s: float = 60.0
    """For the backlog after a load; several times longer than the entries of a dead worker stay unclaimed."""
    behind_s: float = 8.0
    """For that backlog where the workers did not keep up with the load: the answer is known then."""
    scrape_s: float = 5.0
    """For a scrape; Prometheus scrapes every second."""
    first_scrape_s: float = 15.0
    """For the first scrape: Prometheus reads new targets every five seconds."""
    metrics_s: float = 75.0
    """For the promised metrics after a rollout: they are pushed every second, and a minute of silence is a failure."""
    poll_every_s: float = 0.1
    """Between two polls."""
