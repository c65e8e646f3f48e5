"""Answers what was counted."""
