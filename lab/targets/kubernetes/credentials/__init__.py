"""Credentials by which the parts of a stack trust one another."""
