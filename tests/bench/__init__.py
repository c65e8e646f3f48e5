"""Benchmarks: programs that print ratios from one interleaved run."""
