"""From settings to Kubernetes objects."""
