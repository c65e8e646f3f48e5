"""Tests of lab/targets/kubernetes/rollout."""
