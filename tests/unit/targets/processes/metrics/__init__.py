"""Tests of `lab/targets/processes/metrics`."""
