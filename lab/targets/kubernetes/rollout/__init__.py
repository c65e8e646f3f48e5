"""How far a rollout is, and whether it runs what was wanted."""
