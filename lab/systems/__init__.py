"""What is measured: services, metrics, jobs."""
