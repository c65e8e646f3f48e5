"""Generates open-loop load, and accounts for every event of it."""
