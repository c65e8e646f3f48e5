"""Tests of lab/targets."""
