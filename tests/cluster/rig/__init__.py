"""A real Kubernetes with an amd64 and an arm64 node on one machine, for tests."""
