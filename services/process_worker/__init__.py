"""Read, aggregate per window and key, commit once."""
