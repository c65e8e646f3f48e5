"""How the metrics of a stack are collected."""
