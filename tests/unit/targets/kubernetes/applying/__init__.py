"""Tests of lab/targets/kubernetes/applying."""
