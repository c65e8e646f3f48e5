"""Calls services: channels, deadlines, errors, trust in certificates."""
