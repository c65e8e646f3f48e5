"""Load generators: what is sent, and when."""
