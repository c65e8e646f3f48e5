"""One trial, from the request to its judgement."""
