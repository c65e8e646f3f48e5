"""Asks what a stack depends on, and returns facts; judges nothing."""
