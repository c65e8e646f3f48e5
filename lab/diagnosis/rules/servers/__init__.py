"""Rules for the store: reached, let in, recent, safe."""
