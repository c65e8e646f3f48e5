"""Tests of `lab/snapshots`."""
