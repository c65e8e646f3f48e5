"""What moves while something runs."""
