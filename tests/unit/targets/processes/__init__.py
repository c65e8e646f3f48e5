"""Tests of the target `processes`."""
