"""Finds what is wrong with a deployment, why, and what to do: pure rules over one snapshot."""
