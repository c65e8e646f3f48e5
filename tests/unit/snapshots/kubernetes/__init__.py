"""Tests of `lab/snapshots/kubernetes`."""
