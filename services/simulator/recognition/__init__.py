"""Recognises what the columns of a file mean, and reads them as times, numbers and names."""
