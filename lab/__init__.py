"""The lab behind the notebooks."""
