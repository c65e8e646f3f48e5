"""Access to the API server, to kubectl and to the rights of a user."""
