"""Asks for the facts of a stack, which `lab/diagnosis` judges."""
