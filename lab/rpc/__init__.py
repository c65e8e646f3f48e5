"""How services are called: channels, deadlines, errors, status."""
