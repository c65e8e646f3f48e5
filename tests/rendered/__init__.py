"""Rendered objects and the rules they have to keep."""
