"""OpenTelemetry, and nothing else."""
