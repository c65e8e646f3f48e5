"""What a notebook calls: run an experiment, ask for metrics."""
