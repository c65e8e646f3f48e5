"""Breaks one thing at a time; what lasts is undone."""
