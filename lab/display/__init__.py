"""Shows a run while the run goes on."""
