"""What one snapshot holds, as plain data."""
