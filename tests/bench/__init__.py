"""Benchmarks: programs that print cost ratios of one interleaved run."""
