"""What it means: pure functions, no I/O."""
