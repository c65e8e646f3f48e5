"""Tests of lab/targets/kubernetes/rendering."""
