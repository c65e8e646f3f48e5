"""The system under observation: four services over a Redis stream."""
