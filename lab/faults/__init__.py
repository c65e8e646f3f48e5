"""Breaks one thing, and always undoes it."""
