"""Faults that are made on the rig for real, one namespace each, found by `lab diagnose`, cured by what it says."""
