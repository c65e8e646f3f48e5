"""Tests of `lab/targets/processes/supervision`."""
