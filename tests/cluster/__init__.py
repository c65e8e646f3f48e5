"""Tests that need a real Kubernetes, and the rig that gives them one."""
