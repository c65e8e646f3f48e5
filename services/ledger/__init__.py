"""The one account of every event: queue, aggregates, dead letters."""
