"""Changes which objects of a stack a cluster has."""
