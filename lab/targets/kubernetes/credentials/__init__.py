"""Credentials with which the parts of a stack trust each other."""
