"""Metrics and spans by OpenTelemetry."""
