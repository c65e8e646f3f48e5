"""Reach services and pods from outside the cluster."""
