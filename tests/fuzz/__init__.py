"""Sends seeded nonsense to every method of every service, and files of nonsense to the simulator."""
