"""Applies, previews and removes the objects of a stack."""
