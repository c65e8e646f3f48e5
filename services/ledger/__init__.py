"""The account of every event: stream, aggregates, dead letters."""
