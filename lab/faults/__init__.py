"""Break one thing, always undo it."""
