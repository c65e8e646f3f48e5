"""Keeps runs: folders, records, recorded runs, executed notebooks."""
