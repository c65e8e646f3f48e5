"""Runs notebooks, and tells a kernel which notebook and which run it carries out."""
