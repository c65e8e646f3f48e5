"""What a stack reports about itself."""
