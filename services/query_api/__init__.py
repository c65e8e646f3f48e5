"""Answers queries for counts and aggregates from a cache of the store."""
