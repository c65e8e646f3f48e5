"""Tests of lab/targets/kubernetes/breaking."""
