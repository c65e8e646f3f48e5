"""The API server, kubectl and rights."""
