"""What several rules read of a snapshot: logs, tracebacks, containers, whether metrics arrive."""
