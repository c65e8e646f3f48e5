"""In-memory versions of the lab's ports: small, deterministic, and honest about time where time is what is asked."""
