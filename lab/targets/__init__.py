"""Where the services run."""
