"""A Kubernetes cluster: asking its API, watching a rollout, reaching what runs there."""
