"""How soon the entries of a dead worker are taken over, by default; the lab judges a recovery by it."""

WORKER_IDLE_S = 5.0
"""Seconds without a heartbeat until other workers may take a worker's entries over."""
LOOKS_PER_IDLE_TIME = 2
"""How often a worker looks for such entries within an idle time."""
LONGEST_TAKEOVER_S = WORKER_IDLE_S * (1 + 1 / LOOKS_PER_IDLE_TIME)
"""Seconds from the death of a worker to the takeover of its entries, at most: they become idle just after a look."""
