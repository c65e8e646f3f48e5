"""Tests of lab/targets/kubernetes/credentials."""
