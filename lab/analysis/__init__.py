"""What evidence means: pure functions, no I/O."""
