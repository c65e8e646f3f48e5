"""The life of one gRPC process: settings, start, health, statuses, drain, watchdog."""
