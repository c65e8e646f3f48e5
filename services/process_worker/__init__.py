"""Reads entries, aggregates their events per window and key, and commits with an exactly-once effect."""
