"""What the parts of a stack trust one another by."""
