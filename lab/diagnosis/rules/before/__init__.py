"""Rules over a cluster and over the settings, before a stack is deployed."""
