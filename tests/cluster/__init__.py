"""Tests that need a real Kubernetes cluster, and the rig that provides it."""
