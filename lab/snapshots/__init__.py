"""What one snapshot holds and how it is kept, with what both its makers and its judges know."""
