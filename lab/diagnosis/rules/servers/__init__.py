"""Rules for the store, and how a server is reached."""
