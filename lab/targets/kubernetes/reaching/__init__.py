"""Reaches services and pods of a cluster from this machine."""
