"""Reaches a stack on a cluster from this machine."""
