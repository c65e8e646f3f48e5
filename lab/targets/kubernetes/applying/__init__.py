"""Applies a stack's objects, previews that, and removes them."""
