"""Breaks parts of a stack on purpose."""
