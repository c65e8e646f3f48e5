"""Calls services: channels, deadlines, errors."""
