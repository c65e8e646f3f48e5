"""Looks at a cluster and at what a stack on it depends on; what rules of diagnosis read is made here."""
