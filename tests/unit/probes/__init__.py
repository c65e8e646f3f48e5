"""Tests of lab/probes."""
