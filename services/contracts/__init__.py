"""Agreements of the services and the lab: protos, signals, batches, aggregates, durability classes, limits."""
