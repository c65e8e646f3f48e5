"""Tests of what is rendered for a cluster, as a whole."""
