"""Rendered objects and the rules that they have to keep."""
