"""Keeps the programs of a stack running."""
