"""Turns settings into Kubernetes objects."""
