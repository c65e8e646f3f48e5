"""Apply objects to a cluster, preview that, remove them."""
