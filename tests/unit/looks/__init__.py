"""Tests of lab/looks."""
