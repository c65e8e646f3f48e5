"""Admits batches of events and appends them to the stream."""
