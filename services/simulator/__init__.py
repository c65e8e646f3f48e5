"""Plays a load."""
