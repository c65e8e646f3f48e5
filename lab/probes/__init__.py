"""Ask everything a stack depends on; judge nothing."""
