"""Traces of single batches: their spans, and where their time went."""
