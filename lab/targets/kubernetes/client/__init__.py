"""Access to a cluster as one user."""
