"""Tests of lab/targets/kubernetes/client."""
