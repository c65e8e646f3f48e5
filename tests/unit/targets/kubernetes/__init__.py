"""Tests of lab/targets/kubernetes."""
