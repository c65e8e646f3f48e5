"""Rules for the way of a metric: from a process through the collector to Prometheus."""
