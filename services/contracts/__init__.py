"""What the services and the lab agree on."""
