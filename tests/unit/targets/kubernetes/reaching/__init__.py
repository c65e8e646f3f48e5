"""Tests of lab/targets/kubernetes/reaching."""
